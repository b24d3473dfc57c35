"""A switch and the network cards of three machines, in network namespaces that nobody else sees.

A namespace has no name, so that none can be left behind: it lasts as long as the process that holds it, which ends
with the run (man 7 network_namespaces).
"""

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.hosts import slow_wire
from tests.waiting import wait_for

PREFIX = "10.78.0"
SWITCH = f"{PREFIX}.254"
"""The address of whoever is at the switch itself: the customers."""
FLOATING = f"{PREFIX}.100"
"""The address that moves from host to host."""
SILENCED = "1"
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A network namespace; `close` ends it, if nobody else is in it."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        wait_for(self._is_apart, what="a network namespace")
        self.run("ip", "link", "set", "lo", "up")

    @property
    def path(self) -> Path:
        return Path(f"/proc/{self._holder.pid}/ns/net")

    @property
    def pid(self) -> int:
        return self._holder.pid

    def run(self, *command: str) -> None:
        """Within it."""
        done = subprocess.run(
            ["nsenter", f"--net={self.path}", *command], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The sockets that this thread makes meanwhile are the namespace's."""
        with Path("/proc/thread-self/ns/net").open("rb") as before, self.path.open("rb") as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()

    def _is_apart(self) -> bool:
        assert self._holder.poll() is None, "unshare --net failed: this needs root, and a kernel with namespaces"
        return self.path.readlink() != Path("/proc/self/ns/net").readlink()


class Network:
    """A bridge with a cable to each machine; `cards` are the machines' namespaces, by number."""

    def __init__(self, machines: int) -> None:
        self.switch = Namespace()
        self.cards: dict[int, Namespace] = {}
        self._slow: dict[int, subprocess.Popen[str]] = {}
        self.switch.run("ip", "link", "add", "bridge0", "type", "bridge")
        self.switch.run("ip", "address", "add", f"{SWITCH}/24", "dev", "bridge0")
        self.switch.run("ip", "link", "set", "bridge0", "up")
        for number in range(1, machines + 1):
            self._add(number)

    def address(self, number: int) -> str:
        return f"{PREFIX}.{number}"

    def cut(self, number: int) -> None:
        """Nothing reaches that machine, and nothing comes from it."""
        self.switch.run("ip", "link", "set", f"port{number}", "down")

    def join(self, number: int) -> None:
        self.switch.run("ip", "link", "set", f"port{number}", "up")

    def silence(self, number: int, *what: str) -> None:
        """Nothing of that kind leaves the machine; what comes still comes (man 8 ip-rule: no filter is needed)."""
        self.cards[number].run("ip", "rule", "add", "preference", SILENCED, *what, "blackhole")

    def let_speak(self, number: int) -> None:
        """Whatever it was kept from."""
        self.cards[number].run("sh", "-c", f"while ip rule del preference {SILENCED} 2>/dev/null; do :; done")

    def slow_down(self, number: int, delay_s: float, loss: float, seed: int = 0) -> None:
        """What comes from that machine, and what goes to it, takes so long more; a share of the frames is lost.

        Its cable leads to a bridge of its own, and a process hands on frames between that and the others'.
        """
        own, near, far = f"bridge{number}", f"near{number}", f"far{number}"
        told = [slow_wire.__file__, near, far, str(delay_s), str(loss), str(seed)]
        self._slow[number] = subprocess.Popen(
            ["nsenter", f"--net={self.switch.path}", sys.executable, "-I", "-S", *told],
            stdout=subprocess.PIPE,
            text=True,
        )
        said = self._slow[number].stdout
        assert said is not None
        assert said.readline(), "there is no slow wire: this needs /dev/net/tun"
        self.switch.run("ip", "link", "add", own, "type", "bridge")
        for device, bridge in ((near, own), (far, "bridge0"), (f"port{number}", own)):
            self.switch.run("ip", "link", "set", device, "master", bridge, "up")
        self.switch.run("ip", "link", "set", own, "up")

    def speed_up(self, number: int) -> None:
        self.switch.run("ip", "link", "set", f"port{number}", "master", "bridge0")
        self._end_wire(number)
        self.switch.run("ip", "link", "del", f"bridge{number}")

    def _end_wire(self, number: int) -> None:
        wire = self._slow.pop(number)
        wire.kill()
        wire.communicate()

    def close(self) -> None:
        for number in list(self._slow):
            self._end_wire(number)
        for namespace in (*self.cards.values(), self.switch):
            namespace.close()

    def _add(self, number: int) -> None:
        card = self.cards[number] = Namespace()
        port = f"port{number}"
        peer = ("peer", "name", "eth0", "netns", str(card.pid))
        self.switch.run("ip", "link", "add", port, "type", "veth", *peer)
        self.switch.run("ip", "link", "set", port, "master", "bridge0", "up")
        card.run("ip", "address", "add", f"{self.address(number)}/24", "dev", "eth0")
        card.run("ip", "link", "set", "eth0", "up")
        # An address that a machine gets is told to all, so that nobody looks for it where it was.
        card.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/eth0/arp_notify")


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
