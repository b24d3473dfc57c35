"""Whether the nodes' addresses are free, and who holds one that isn't."""

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from bookstore_project.settings import topology

PROC = Path("/proc")
LISTEN = "0A"
"""A listening socket's state in /proc/net/tcp (man 5 proc)."""


@dataclass(frozen=True)
class Owner:
    """A process that listens."""

    pid: int
    command: str


@dataclass(frozen=True)
class Busy:
    """An address that a node can't have."""

    node: topology.Node
    reason: str
    owner: Owner | None

    def __str__(self) -> str:
        holder = f", held by process {self.owner.pid}: {self.owner.command}" if self.owner else ""
        return f"{self.node.name} can't listen on {self.node.address}: {self.reason}{holder}"


def await_free(
    nodes: Sequence[topology.Node], *, is_ours: Callable[[int], bool], timeout_s: float = 2.0
) -> list[Busy]:
    """The nodes whose address is taken; empty if all are free.

    Processes for which `is_ours` holds (a supervisor was killed, its nodes are about to end), and unknown ones,
    get `timeout_s` seconds to leave.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        busy = [found for node in nodes if (found := examine(node))]
        foreign = any(found.owner and not is_ours(found.owner.pid) for found in busy)
        if not busy or foreign or time.monotonic() > deadline:
            return busy
        time.sleep(0.05)


def examine(node: topology.Node) -> Busy | None:
    """None if the node's address is free now."""
    family = socket.AF_INET6 if ":" in node.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the server does: connections that have just ended don't count, listeners do.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((node.host, node.port))
        except OSError as error:
            return Busy(node, (error.strerror or str(error)).lower(), find_owner(node.host, node.port))
    return None


def find_owner(host: str, port: int) -> Owner | None:
    """The process that listens there; None if there is none, or /proc doesn't tell."""
    inodes = {inode for address, inode in _listeners(port) if address == host or ip_address(address).is_unspecified}
    links = {f"socket:[{inode}]" for inode in inodes}
    if not links:
        return None
    for process in PROC.glob("[0-9]*"):
        if links & _open_files(process):
            return Owner(int(process.name), _command(process))
    return None


def _listeners(port: int) -> Iterator[tuple[str, str]]:
    """Address and inode of every socket that listens on that port."""
    for name in ("tcp", "tcp6"):
        try:
            lines = (PROC / "net" / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            address, _, hexadecimal_port = fields[1].partition(":")
            if fields[3] == LISTEN and int(hexadecimal_port, 16) == port:
                yield _decode_address(address), fields[9]


def _decode_address(text: str) -> str:
    """`0100007F` → `127.0.0.1`: words of 32 bits, in the machine's own byte order."""
    raw = b"".join(struct.pack("=I", int(text[start : start + 8], 16)) for start in range(0, len(text), 8))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def _open_files(process: Path) -> set[str]:
    found: set[str] = set()
    with contextlib.suppress(OSError):  # It has ended, or is not ours to look into.
        for link in (process / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # Closed meanwhile.
                found.add(str(link.readlink()))
    return found


def _command(process: Path) -> str:
    try:
        words = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return "?"
    return b" ".join(words).decode(errors="replace")[:120]
