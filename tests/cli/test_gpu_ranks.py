#!/usr/bin/env python3
"""Several ranks with device=cuda: the emulated device, and a stand-in for NCCL that writes down what it is called with
(tests/simt/nccl_stand_in.cpp). Real processes under mpirun and, as torchrun starts them, by environment alone.

usage: test_gpu_ranks.py BINARY     (of a build with VICINITY_CUDA=emulated)
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import unittest

from pictures import write_png
from program import BINARY, TINY
from rank_program import ENVIRONMENT, MPIRUN, RanksProgram

STEPS = 5  # op by op, a short batch, recorded, short, launched again
RECIPE = ["device=cuda", "train.precision=fp32", "train.batch=8", "train.micro_batch=2", f"train.steps={STEPS}", "train.eval_every=0",
          "train.save_every=2", "train.keep_last=3", "train.ema=0.9", "train.mixup=0.8", "model.drop_path_rate=0.2", "optim.clip_grad=0.5",
          "train.log_every=1", "data.val_split=0.15", "threads=1", "data.loader_threads=1", "train.rank_timeout=30"]
FAMILIES = {
    "dinat": [*TINY, "model.embed_dim=32"],
    "dinov2": [word for word in TINY if not word.startswith("model.")] + [
        "model.family=dinov2", "model.hidden_size=48", "model.num_hidden_layers=1", "model.num_attention_heads=3",
        "model.image_size=16", "model.patch_size=4", "model.mlp_ratio=4"],
}


# Of several buckets.
WIDER = ["model.hidden_size=64", "model.num_attention_heads=1", "model.num_hidden_layers=2"]
BUCKETS = 4
GROUPS = BUCKETS + 2  # of a step: and sums of squares, parameters
SHORT = [*WIDER, "train.steps=3", "train.ema=0", "train.save_every=0", "train.batch=4"]


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class GpuRanks(RanksProgram):
    kept = {}

    def setUp(self):
        super().setUp()
        self.calls = self.dir / "calls"
        self.calls.mkdir()
        self.environment = {**ENVIRONMENT, "VICINITY_EMULATED_DEVICES": "4", "VICINITY_NCCL_FOLDER": str(self.calls)}

    def words(self, out, *more, family="dinov2"):
        return ["train", f"data.root={self.data}", *FAMILIES[family], *RECIPE, *more, "--out", out]

    def start(self, command, **variables):
        return subprocess.Popen([*map(str, command)], cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env={**self.environment, **variables})

    def end(self, process, code, *has):
        try:
            text = process.communicate(timeout=120)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            self.fail(f"hangs:\n{process.communicate()[0]}")
        self.assertIn(process.returncode, code if isinstance(code, tuple) else (code,), text)
        for part in has:
            self.assertIn(part, text)
        return text

    def run_ranks(self, ranks, *words, code=0, has=(), **variables):
        command = [*(MPIRUN + ["-np", ranks] if ranks > 1 else []), BINARY, *words]
        return self.end(self.start(command, **variables), code, *has)

    def torchrun(self, ranks, words, only=None, **changes):
        """Processes with the variables that torchrun gives them."""
        variables = {"WORLD_SIZE": str(ranks), "MASTER_ADDR": "localhost", "MASTER_PORT": str(free_port()), **changes}
        return [self.start([BINARY, *words], RANK=str(r), LOCAL_RANK=str(r), **{k: v for k, v in variables.items() if v is not None})
                for r in (range(ranks) if only is None else only)]

    def one_rank(self, family="dinov2", *words):
        """What a run on one emulated GPU leaves; computed once for all tests."""
        name = " ".join([family, *words])
        if name not in GpuRanks.kept:
            self.run_ranks(1, *self.words("one", *words, family=family))
            GpuRanks.kept[name] = self.contents("one")
            shutil.rmtree(self.dir / "one")
        return GpuRanks.kept[name]

    def test_any_number_of_ranks_has_the_bits_of_one(self):
        for family, counts, words in (("dinov2", (2, 4), ()), ("dinat", (2,), ()), ("dinov2", (2,), ("train.precision=bf16",)),
                                      ("dinov2", (2,), WIDER)):
            whole = self.one_rank(family, *words)
            self.assertIn(f"checkpoints/step_{STEPS}/optimizer.safetensors", whole)
            for ranks in counts:
                run = f"{family} {ranks} {words}"
                self.run_ranks(ranks, *self.words(run, *words, family=family), has=[f"8 = {ranks} ranks x 2 images x {4 // ranks} lea"])
                self.assert_same(run, whole)

    def back_to_step_2(self, run, copy):
        shutil.copytree(self.dir / run, self.dir / copy, symlinks=True)
        (self.dir / copy / "DONE").unlink()
        for step in range(3, STEPS + 1):
            shutil.rmtree(self.dir / copy / f"checkpoints/step_{step}", ignore_errors=True)

    def test_a_run_goes_on_with_another_number_of_ranks(self):
        whole = self.one_rank()
        self.run_ranks(1, *self.words("one"))
        self.run_ranks(2, *self.words("two"))
        for before, now in ("one", 2), ("two", 1):
            run = f"{before} then {now}"
            self.back_to_step_2(before, run)
            self.run_ranks(now, "train", "--out", run, "--resume", has=["resumed at step 2 of 5"])
            self.assert_same(run, whole)

    def lines_of(self, rank):
        return (self.calls / f"rank_{rank}.txt").read_text().splitlines()

    def groups_of(self, rank):
        """What is called between one end of a group and the next: (call, bytes, rank or "each")."""
        found = [[]]
        for line in self.lines_of(rank):
            words = line.split()
            if line == "end of group":
                found.append([])
            elif words[0] in ("send", "receive", "broadcast", "all_gather"):
                found[-1].append((words[0], int(words[1]), int(words[4]) if words[4].isdigit() else words[4]))
        self.assertEqual(found.pop(), [])
        return found

    def operations_of(self, rank):
        """For each group, what the device had done when it came to it."""
        return [int(line.split()[2]) for line in self.lines_of(rank) if line.startswith("works after ")]

    def test_nccl_is_called_alike_by_every_rank(self):
        self.run_ranks(2, *self.words("alike", *SHORT))
        for rank in range(2):
            lines = self.lines_of(rank)
            self.assertEqual([lines[0], *lines[-2:]], ["start 2", "finalize", "destroy"])
            moved = [line for line in lines if " on stream " in line]
            self.assertEqual({line.split(" on ")[1] for line in moved}, {"stream 0"})
            self.assertEqual({line.split()[2] for line in moved}, {"u8"})
        # After the steps rank 0 collects the state of the optimiser.
        first, second = (self.groups_of(rank)[:3 * GROUPS] for rank in range(2))
        self.assertEqual([len(first), len(second)], 2 * [3 * GROUPS])
        for a, b in zip(first, second):
            self.assertEqual([c for c in a if c[0] == "broadcast"], [c for c in b if c[0] == "broadcast"])
            for one, other, sender, receiver in (a, b, 0, 1), (b, a, 1, 0):
                sent = [bytes for call, bytes, rank in one if (call, rank) == ("send", receiver)]
                self.assertEqual(sent, [bytes for call, bytes, rank in other if (call, rank) == ("receive", sender)])
        # A step: shards of the gradient to their owners, the last bucket first; sums of squares to all; parameters to all.
        self.assertEqual([first, second], [3 * first[:GROUPS], 3 * second[:GROUPS]])
        buckets = [[sum(call[1] for call in group if call[::2] == ("send", rank)) for rank in range(2)]
                   for group in reversed(first[:BUCKETS])]
        self.assertEqual(buckets[:-1], (BUCKETS - 1) * [[4 << 14, 4 << 14]])
        for own, groups in (0, first), (1, second):
            for slices, exchange in zip(reversed(buckets), groups):
                expected = [call for rank in range(2) for call in (("send", slices[rank], rank), ("receive", slices[own], rank))]
                self.assertEqual(exchange, [call for call in expected if call[1] > 0])
            squares, parameters = groups[BUCKETS:GROUPS]
            self.assertEqual(parameters, (BUCKETS - 1) * [("all_gather", 4 << 14, "each")] + [
                ("broadcast", bytes, rank) for rank, bytes in enumerate(buckets[-1]) if bytes > 0])
            self.assertEqual([call[0] for call in squares], [call[0] for call in parameters])
            self.assertEqual([call[1] for call in squares], [8 * -(-call[1] // (4 << 14)) for call in parameters])

    def test_gradients_leave_while_backward_goes_on(self):
        self.run_ranks(2, *self.words("beside", *SHORT))
        for rank in range(2):
            begun = self.operations_of(rank)
            for step in 1, 2:  # of the recorded graph; the sums of a bucket are two operations
                exchange = begun[step * GROUPS:][:BUCKETS]
                self.assertGreater(exchange[-1] - exchange[0], 40, f"step {step + 1} of rank {rank}: {begun}")

    def test_ranks_of_torchrun_meet_by_tcp(self):
        whole = self.one_rank()
        processes = self.torchrun(2, self.words("torch"))
        texts = [self.end(process, 0) for process in processes]
        self.assertIn("8 = 2 ranks x 2 images x 2 leaves", texts[0])
        self.assert_same("torch", whole)

    def test_several_machines_are_two_levels(self):
        named = subprocess.run(["unshare", "-u", "true"], capture_output=True, text=True)
        if named.returncode != 0:
            self.skipTest(f"no machines with names of their own: {named.stderr.strip()}")
        for ranks, words in (4, ()), (4, WIDER), (8, ("train.batch=16", *WIDER)):
            with self.subTest(ranks=ranks, words=words):
                whole = self.one_rank("dinov2", *words)
                run = f"machines {ranks} {len(words)}"
                variables = {"WORLD_SIZE": str(ranks), "MASTER_ADDR": "localhost", "MASTER_PORT": str(free_port())}
                processes = [self.start(["unshare", "-u", "sh", "-c", f'hostname machine{r // 2} && exec "$@"', "sh", BINARY,
                                         *self.words(run, *words)], RANK=str(r), LOCAL_RANK=str(r % 2), **variables)
                             for r in range(ranks)]
                for process in processes:
                    self.end(process, 0)
                self.assert_same(run, whole)
                for rank in range(ranks):
                    others = {to for group in self.groups_of(rank) for call, bytes, to in group}
                    # Rank 0 collects the optimiser's state.
                    self.assertLessEqual(others, {0, rank, rank ^ 1, *range(rank % 2, ranks, 2)} if rank else set(range(ranks)))

    def test_torchrun_itself_starts_ranks(self):
        torchrun = pathlib.Path(os.environ.get("VICINITY_PYTHON", "python3")).with_name("torchrun")
        if not torchrun.exists():
            self.skipTest("no torchrun beside $VICINITY_PYTHON")
        command = [torchrun, "--nproc-per-node=2", "--no-python", BINARY]
        self.end(self.start([*command, *self.words("by torchrun")]), 0, "8 = 2 ranks x 2 images x 2 leaves")
        self.assert_same("by torchrun", self.one_rank())
        self.end(self.start([*command, *self.words("on cpus", "device=cpu")]), 1, "mpirun -np 2 vicinity VERB")

    def wait_for_steps(self, run, count, process):
        metrics = self.dir / run / "metrics.jsonl"
        while process.poll() is None and not (metrics.exists() and metrics.read_bytes().count(b"\n") >= count):
            time.sleep(0.002)

    def test_a_lost_rank_ends_the_others(self):
        for sent, words in (signal.SIGKILL, "rank 1 is gone, its process has ended; it was at: "), (signal.SIGSTOP, "no sign of life for"):
            run = f"lost {sent.name}"
            timeout = 30 if sent == signal.SIGKILL else 3
            first, second = self.torchrun(2, self.words(run, "train.steps=400", f"train.rank_timeout={timeout}"))
            self.wait_for_steps(run, 4, first)
            second.send_signal(sent)
            text = self.end(first, 6, words)
            second.kill()
            second.communicate()
            # Not ended by the watch of its own process, which is for those that are stuck.
            self.assertNotIn("and is ended", text)
            self.assertEqual(self.lines_of(0)[-1], "abort")

    def test_the_program_starts_a_rank_on_each_gpu(self):
        words = [word for word in self.words("gpus", "train.steps=1", "train.eval_every=0") if not word.startswith("device=")]
        self.end(self.start([BINARY, *words, "--gpus", "all"], VICINITY_EMULATED_DEVICES="2"), 0, "8 = 2 ranks x 2 images x 2 leaves",
                 "compute    emulated")
        self.end(self.start([BINARY, *words, "--gpus=5"]), 4, "--gpus 5: this process sees 4 GPUs")
        self.end(self.start([BINARY, *words, "--gpus=2", "--ranks=2"]), 2, "choose one")
        process = self.start([BINARY, *self.words("killed", "train.steps=400"), "--gpus=2"])
        self.wait_for_steps("killed", 3, process)
        os.kill(self.ranks_of("killed")[1], signal.SIGKILL)
        self.end(process, 6, "is gone, its process has ended; it was at: ")

    def test_more_ranks_than_gpus_are_refused(self):
        self.run_ranks(2, *self.words("few"), code=4, VICINITY_EMULATED_DEVICES="1",
                       has=["ranks 0 and 1 have the same GPU (emulated)", "are 2 ranks, and this one sees 1 GPU."])
        self.run_ranks(3, *self.words("fewer", "train.batch=6"), code=(4, 6), VICINITY_EMULATED_DEVICES="2",
                       has=["rank 2 is one of at least 3 on its machine, which has 2 GPUs"])

    def test_a_rank_that_does_not_know_its_number_on_its_machine_is_refused(self):
        meeting = {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": str(free_port())}
        for process in [self.start([BINARY, *self.words("part")], RANK=str(rank), **meeting) for rank in range(2)]:
            self.end(process, 2, "to choose its GPU: LOCAL_RANK is missing")

    def test_ranks_that_differ_are_refused(self):
        def two(first, second):
            command = [*MPIRUN, "-np", 1, *first, BINARY, *self.words("differ", *second[0]), ":", "-np", 1, BINARY,
                       *self.words("differ", *second[1])]
            return self.start(command)

        self.end(two(["env", "VICINITY_NCCL_VERSION=1.2.3"], ([], [])), 4, "rank 0 has NCCL 1.2.3, rank 1 has NCCL 2.0.0 (stand-in)")
        self.end(two([], ([], ["device=cpu"])), 2, "rank 0 has device cuda, rank 1 has device cpu")

    def test_what_is_wrong_with_a_meeting_is_said(self):
        words = self.words("alone", "train.rank_timeout=1")
        with socket.socket() as taken:
            taken.bind(("0.0.0.0", 0))
            taken.listen()
            port = taken.getsockname()[1]
            process, = self.torchrun(2, words, only=[0], MASTER_PORT=str(port))
            self.end(process, 6, f"rank 0 cannot listen on TCP port {port}: Address already in use", "MASTER_PORT chooses another")
        port = free_port()
        process, = self.torchrun(3, words, only=[1], MASTER_PORT=str(port))
        self.end(process, 6, f"rank 1 found nobody at MASTER_ADDR:MASTER_PORT = localhost:{port} for 1 s", "train.rank_timeout")
        first, second = self.torchrun(3, words, only=[0, 1])
        self.end(first, 6, "of 3 ranks 2 did not come to MASTER_ADDR:MASTER_PORT = localhost:", "within 1 s")
        self.end(second, 6, "has left while ranks met")
        process, = self.torchrun(2, words, only=[1], MASTER_ADDR="no.such.machine.invalid")
        self.end(process, 6, "MASTER_ADDR=no.such.machine.invalid in the environment is not the name")
        for name in "MASTER_ADDR", "MASTER_PORT":
            process, = self.torchrun(2, words, only=[0], **{name: None})
            self.end(process, 2, f"{name} is missing")
        process, = self.torchrun(2, [*words, "device=cpu"], only=[0])
        self.end(process, 2, "mpirun -np 2 vicinity VERB")

    def test_a_stranger_at_the_door_is_sent_away(self):
        port = free_port()
        words = self.words("door", "train.steps=1")
        first, = self.torchrun(2, words, only=[0], MASTER_PORT=str(port))
        while True:
            try:
                stranger = socket.create_connection(("127.0.0.1", port))
                break
            except ConnectionRefusedError:
                time.sleep(0.01)
        stranger.sendall(b"GET / HTTP/1.0\r\n\r\n")
        second, = self.torchrun(2, words, only=[1], MASTER_PORT=str(port))
        self.end(first, 0, "8 = 2 ranks")
        self.end(second, 0)
        stranger.close()


if __name__ == "__main__":
    unittest.main()
