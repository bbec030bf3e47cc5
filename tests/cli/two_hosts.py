"""Two hosts on one machine: network and host name namespaces, joined by a virtual link. Needs root, nsenter, unshare and ip (Debian: iproute2)."""
import os
import pathlib
import signal
import subprocess

ADDRESSES = ("10.77.0.1", "10.77.0.2")
# What mpirun starts instead of ssh: AGENT ADDRESS COMMAND...
AGENT = """#!/bin/sh
process=$(cat "$VICINITY_HOSTS/$1")
shift
exec nsenter -t "$process" -n -u -- sh -c "$*"
"""


class TwoHosts:
    """OSError or CalledProcessError, which say why, where the system does not allow them."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.holders = []
        try:
            for number, address in enumerate(ADDRESSES):
                self.holders.append(self.hold(f"vicinity-host{number}"))
                (self.folder / address).write_text(str(self.holders[-1].pid))
            self.ip(0, "link", "add", "link0", "type", "veth", "peer", "name", "link1", "netns", str(self.holders[1].pid))
            for number, address in enumerate(ADDRESSES):
                self.ip(number, "addr", "add", f"{address}/24", "dev", f"link{number}")
                for device in "lo", f"link{number}":
                    self.ip(number, "link", "set", device, "up")
        except Exception:
            self.close()
            raise
        (self.folder / "hosts").write_text("".join(f"{address} slots=1\n" for address in ADDRESSES))
        agent = self.folder / "vicinity_agent"
        agent.write_text(AGENT)
        agent.chmod(0o755)

    def hold(self, name):
        """A process that keeps the namespaces of a host."""
        words = ["unshare", "-n", "-u", "sh", "-c", f"hostname {name} && echo ready && exec sleep 3600"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if process.stdout.readline() != "ready\n":
            raise OSError(process.communicate()[1].strip())
        return process

    def on(self, number, *words):
        """A command on one of the hosts."""
        return ["nsenter", "-t", str(self.holders[number].pid), "-n", "-u", "--", *map(str, words)]

    def ip(self, number, *words):
        done = subprocess.run(self.on(number, "ip", *words), capture_output=True, text=True)
        if done.returncode != 0:
            raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")

    def cut(self):
        self.ip(0, "link", "set", "link0", "down")

    def mpirun(self, *words):
        """The command that starts a rank on each, and what it needs in its environment."""
        environment = {**os.environ, "VICINITY_HOSTS": str(self.folder), "PATH": f"{self.folder}:{os.environ['PATH']}",
                       "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMP_WAIT_POLICY": "passive"}
        command = self.on(0, "mpirun", "-np", "2", "--hostfile", self.folder / "hosts", "--bind-to", "none", "--mca", "plm_rsh_agent",
                          "vicinity_agent", "--mca", "mpi_yield_when_idle", "1", *words)
        return command, environment

    def close(self):
        """Ends what still runs on them."""
        here = {os.readlink(f"/proc/{holder.pid}/ns/net") for holder in self.holders if holder.poll() is None}
        here.discard(os.readlink("/proc/self/ns/net"))
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(path / "ns/net") in here:
                    os.kill(int(path.name), signal.SIGKILL)
            except OSError:
                continue
        for holder in self.holders:
            holder.communicate()
