"""Which processes are a machine's."""

from contextlib import suppress
from pathlib import Path


def pids_in(folder: str) -> list[int]:
    """Of the processes that were started for a part whose data is there: they and their children have its TMPDIR."""
    mark = f"TMPDIR={folder}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            values = path.read_bytes().split(b"\0")
            if any(each == mark or each.startswith(mark + b"/") for each in values):
                found.append(int(path.parent.name))
    return found


def descendants(pids: list[int]) -> set[int]:
    """With those themselves. Redis has overwritten its environment, and PostgreSQL has left its parent."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found: set[int] = set(pids)
    before: set[int] = set()
    while found != before:
        before = set(found)
        found |= {pid for pid, parent in parents.items() if parent in before}
    return found


def command_of(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""
