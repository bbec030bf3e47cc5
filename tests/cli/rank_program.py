"""Real ranks under mpirun: what their tests share. Beside program.py, whose arguments these are."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from program import BINARY, Program

MPIRUN = ["mpirun", "--bind-to", "none", "--oversubscribe", "--mca", "mpi_yield_when_idle", "1"]
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMP_WAIT_POLICY": "passive"}

if not shutil.which("mpirun"):
    print("not run: no mpirun (Debian: openmpi-bin)")
    sys.exit(0)


class RanksProgram(Program):
    def command(self, ranks, words):
        return [*(MPIRUN + ["-np", str(ranks)] if ranks > 1 else []), BINARY, *map(str, words)]

    def run_ranks(self, ranks, *words, code=0, has=(), environment=None):
        done = subprocess.run(self.command(ranks, words), capture_output=True, text=True, cwd=self.dir, timeout=300,
                              env={**ENVIRONMENT, **(environment or {})})
        text = done.stdout + done.stderr
        self.assertEqual(done.returncode, code, f"{words}:\n{text}")
        for part in has:
            self.assertIn(part, text)
        return text

    def start(self, ranks, *words, **variables):
        return self.start_command(self.command(ranks, words), **variables)

    def start_command(self, command, **variables):
        return subprocess.Popen([*map(str, command)], cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env={**ENVIRONMENT, **variables})

    def end(self, process, run, code, *has):
        """Waits for the end, which must come in time, with this code (or one of them) and these words, and leave no process behind."""
        try:
            output = process.communicate(timeout=60)[0]
        except subprocess.TimeoutExpired:
            for rank in self.ranks_of(run).values():
                os.kill(rank, signal.SIGKILL)
            process.kill()
            self.fail(f"{run} hangs:\n{process.communicate()[0]}")
        self.assertIn(process.returncode, code if isinstance(code, tuple) else (code,), output)
        for part in has:
            self.assertIn(part, output)
        self.assertEqual(self.ranks_of(run), {}, output)
        return output

    def ranks_of(self, run):
        """Process numbers by rank."""
        found = {}
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (path / "cmdline").read_bytes().split(b"\0")
                variables = dict(entry.partition(b"=")[::2] for entry in (path / "environ").read_bytes().split(b"\0"))
                here = os.readlink(path / "cwd")
            except OSError:
                continue
            if words[0].endswith(b"vicinity") and run.encode() in words and here == str(self.dir) and b"OMPI_COMM_WORLD_RANK" in variables:
                found[int(variables[b"OMPI_COMM_WORLD_RANK"])] = int(path.name)
        return found
