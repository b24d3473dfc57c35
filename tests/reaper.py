"""The process that clears up after a run: `python tests/reaper.py FOLDER PID [PID...]`, started by `run_folder`.

The first pid is the run, the others are those who started it. When the run says on this process's input that it is
done, or when any of them ends, in whatever way, every process that works in the folder is killed and the folder is
removed. Standard library only, and a session of its own: what ends the run doesn't end its reaper.

Whoever has the folder in its environment works in it, and so do their children: a run names it as TMPDIR, which all
that it starts inherit. (man 5 proc: "/proc/pid/environ: the initial environment that was set when the currently
executing program was started".) A program that writes over it, as redis-server does to show its title, is known by
its working folder. Where there is no /proc, lifelines alone end what a run has started.
"""

import contextlib
import fcntl
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

DONE = b"."
"""What a run says when it is done."""
KEPT = ".kept"
"""A file in a folder that shall stay."""
PATIENCE_S = 20.0
LOOKED_FOR_EVERY_S = 0.02


def main(folder: Path, run: int, starters: Sequence[int]) -> None:
    with locked(folder):
        pipe = sys.stdin.fileno()
        is_done = wait_for_the_end(pipe, run, starters)
        end_all_in(folder, pipe, spared=run if is_done else 0)
        if not is_kept(folder):
            remove(folder)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Shows others that somebody takes care of the folder. Raises BlockingIOError if somebody else does."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def is_kept(folder: Path) -> bool:
    return (folder / KEPT).exists()


def wait_for_the_end(pipe: int, run: int, starters: Sequence[int]) -> bool:
    """Until the run says that it is done (True), or is gone, or whoever started it is: then the run is killed.

    Only who is known to have ended is taken for gone, not who can't be watched from here.
    """
    waiting = select.poll()
    waiting.register(pipe, select.POLLIN)
    watched: dict[int, int] = {}
    ended = set()
    for pid in (run, *starters):
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            ended.add(pid)
        except (OSError, AttributeError):  # No such call, or not for us.
            continue
        else:
            watched[descriptor] = pid
            waiting.register(descriptor, select.POLLIN)
    if not ended:
        ready = {descriptor for descriptor, _ in waiting.poll()}
        if pipe in ready:
            return os.read(pipe, 1) == DONE
        ended = {watched[descriptor] for descriptor in ready}
    _signal(run, signal.SIGKILL)
    if run not in ended:
        with contextlib.suppress(OSError):
            sys.stderr.write("Ended with the process that had started it (nohup or setsid would have kept it).\n")
    return False


def end_all_in(folder: Path, pipe: int | None = None, spared: int = 0) -> None:
    """Kills whoever works in the folder, until there is none.

    All are stopped first: whose environment says nothing is known by its parent, as long as that is there, and who is
    stopped starts no other one between the look and the end (kernel/fork.c: no child for whom a signal waits).
    """
    deadline = time.monotonic() + PATIENCE_S
    while (found := processes_in(folder, pipe) - {spared}) and time.monotonic() < deadline:
        stopped: set[int] = set()
        while (running := found - stopped) and time.monotonic() < deadline:
            for pid in running:
                _signal(pid, signal.SIGSTOP)
            stopped |= running
            found |= processes_in(folder, pipe) - {spared}
        for pid in found:
            _signal(pid, signal.SIGKILL)
        time.sleep(LOOKED_FOR_EVERY_S)
    remove_shared_memory(folder)


def processes_in(folder: Path, pipe: int | None = None) -> set[int]:
    """Those whose environment names the folder, or something in it, and their children's children.

    Also those that hold the other end of that pipe: forks of the run, which was started before there was a folder.
    """
    marks = (b"=" + os.fsencode(folder) + b"\0", b"=" + os.fsencode(folder) + b"/")
    held = "" if pipe is None else f"pipe:[{os.fstat(pipe).st_ino}]"
    parents: dict[int, int] = {}
    found: set[int] = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes() + b"\0"
            state, parent = (process / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:  # It has ended, or is somebody else's.
            continue
        if state == "Z":
            continue
        parents[int(process.name)] = int(parent)
        is_marked = any(mark in environment for mark in marks)
        is_placed = b"=" not in environment and _is_in(process, folder)
        if is_marked or is_placed or (held and _holds(process, held)):
            found.add(int(process.name))
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= more
    return found - {os.getpid()}


def _is_in(process: Path, folder: Path) -> bool:
    """Whether its working folder is that one, or lies in it."""
    with contextlib.suppress(OSError):
        return (process / "cwd").readlink().is_relative_to(folder)
    return False


def _holds(process: Path, what: str) -> bool:
    """Whether it has that open, by its name in /proc."""
    with contextlib.suppress(OSError):
        for file in (process / "fd").iterdir():
            with contextlib.suppress(OSError):  # It has closed that one meanwhile.
                if str(file.readlink()) == what:
                    return True
    return False


def remove_shared_memory(folder: Path) -> None:
    """What killed servers of PostgreSQL in the folder have left: the machine has room for 4096 such segments.

    (src/include/utils/pidfile.h: line 7 of postmaster.pid holds the key and the id of a segment, man 2 shmget.)
    """
    left = set()
    for here, inner, files in os.walk(folder):
        if "postmaster.pid" in files:
            with contextlib.suppress(OSError, IndexError):
                left.add(tuple(Path(here, "postmaster.pid").read_text().splitlines()[6].split()))
        if "PG_VERSION" in files:
            inner.clear()  # Its tables.
    if found := left & _unused_segments():
        import ctypes

        for _, number in found:
            ctypes.CDLL(None).shmctl(int(number), 0, None)  # IPC_RMID


def _unused_segments() -> set[tuple[str, ...]]:
    """Key and id of each segment of shared memory to which nobody is attached."""
    try:
        lines = Path("/proc/sysvipc/shm").read_text().splitlines()
    except OSError:
        return set()
    parts = (line.split() for line in lines[1:])
    return {(key, number) for key, number, *_, attached in (each[:7] for each in parts) if attached == "0"}


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def remove(folder: Path) -> None:
    """The folder with all that is in it, disks that were mounted there and folders without permissions included."""
    for mounted in _mounted_in(folder):
        program = shutil.which("umount") or "/bin/umount"
        pid = os.posix_spawn(program, [program, "-l", str(mounted)], {})
        os.waitpid(pid, 0)
    deadline = time.monotonic() + PATIENCE_S
    while folder.exists() and time.monotonic() < deadline:  # Again, if something came in meanwhile.
        shutil.rmtree(folder, ignore_errors=True)
        for here, inner, _ in os.walk(folder):
            for closed in (Path(here, name) for name in inner):
                with contextlib.suppress(OSError):
                    if not closed.is_symlink():
                        closed.chmod(0o700)
        time.sleep(LOOKED_FOR_EVERY_S)


def _mounted_in(folder: Path) -> list[Path]:
    """The innermost first."""
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return []
    points = [Path(line.split()[4].encode().decode("unicode_escape")) for line in lines]
    return sorted((point for point in points if folder in point.parents), reverse=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), [int(pid) for pid in sys.argv[3:]])
