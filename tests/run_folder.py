"""A folder for all that a run of tests or of a tool writes, of which nothing is left, however the run ends.

Whatever the run starts, and leaves behind because it was killed, ends with it: a process of its own sees to that
(`tests/reaper.py`). A run ends, too, when one of those who started it does (make, a script, a shell), up to the
leader of its session; `nohup` and `setsid` keep it, as they keep other programs.
"""

import atexit
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import reaper

ENOUGH_BYTES = 4 * 1024**3
"""A whole run writes a part of it."""
DATA_PREFIX = "data-"
NAMED = re.compile(r"bookstore-[a-z]+-(?P<pid>\d+)-[^-]+")


class RunFolder:
    """A new folder, which is TMPDIR from now on, in this process and in all that it starts.

    Removed, with every process that works in it, by `close()`, or when this process or one of its starters ends.
    """

    def __init__(self, kind: str, parent: Path | None = None) -> None:
        """`kind` is a word for the folder's name; it is made in `parent`, or where temporary files go."""
        parent = parent or Path(tempfile.gettempdir())
        remove_stale(parent)
        self.path = Path(tempfile.mkdtemp(prefix=f"bookstore-{kind}-{os.getpid()}-", dir=parent))
        self._before = os.environ.get("TMPDIR")
        self._owner = os.getpid()
        read_fd, self._write_fd = os.pipe()
        # Not its environment: it works beside the folder, and another run's reaper shall leave it alone.
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", reaper.__file__, str(self.path), str(self._owner), *map(str, starters())],
            stdin=read_fd,
            stdout=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        )
        os.close(read_fd)
        self._name_as_tmpdir(str(self.path))

    def keep(self) -> None:
        """The folder stays, for somebody to look into; processes in it still end with the run."""
        (self.path / reaper.KEPT).touch()

    def close(self) -> None:
        """Returns when nothing is left. May be called again; does nothing in a fork."""
        if os.getpid() != self._owner or self._write_fd < 0:
            return
        with contextlib.suppress(BrokenPipeError):  # The reaper is gone: somebody has killed it.
            os.write(self._write_fd, reaper.DONE)
        os.close(self._write_fd)
        self._write_fd = -1
        self._guard.wait()
        self._name_as_tmpdir(self._before)

    def _name_as_tmpdir(self, folder: str | None) -> None:
        if folder is None:
            os.environ.pop("TMPDIR", None)
        else:
            os.environ["TMPDIR"] = folder
        tempfile.tempdir = None  # To be looked up again.


@contextmanager
def opened(kind: str) -> Iterator[RunFolder]:
    """A run's folder for a block; nothing in it, and nobody who works in it, is left after the block."""
    folder = RunFolder(kind)
    try:
        yield folder
    finally:
        folder.close()


def data_of_tests() -> str:
    """A data folder for each process that runs tests, and for that one's children, in the folder of their run.

    Never one that somebody else has named: tests empty it, and a shop's data may be in that.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    prefix, given = f"{DATA_PREFIX}{worker or 'main'}-", Path(os.environ.get("BOOKSTORE_DATA", ""))
    if given.name.startswith(prefix) and given.parent == Path(tempfile.gettempdir()):
        return str(given)
    if not worker:
        atexit.register(RunFolder("test", place_in_memory()).close)
        _keep_bytecode()
    return tempfile.mkdtemp(prefix=prefix)


def place_in_memory(place: Path = Path("/dev/shm")) -> Path | None:
    """Where files need no disk, if there is room for what tests write: they wait for its commits half of their time.

    None if there is no such place, or if the environment names another one for temporary files.
    """
    if any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")) or not os.access(place, os.W_OK | os.X_OK):
        return None
    about = os.statvfs(place)
    may_run_programs = not about.f_flag & os.ST_NOEXEC
    return place if may_run_programs and about.f_bavail * about.f_frsize >= ENOUGH_BYTES else None


def _keep_bytecode() -> None:
    """Where no bytecode is to be written beside the code, the hundreds of processes of a run share a place for it.

    It begins with what stands beside the libraries' code. Who names a place, or none at all, is obeyed.
    """
    if sys.dont_write_bytecode and "PYTHONPYCACHEPREFIX" not in os.environ:
        place = Path(__file__).parents[1] / ".pytest_cache" / "bytecode"
        if not place.exists():
            link_bytecode(place, [sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")])
        os.environ |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(place)}
        sys.dont_write_bytecode, sys.pycache_prefix = False, str(place)


def link_bytecode(place: Path, folders: Iterable[str]) -> None:
    """Makes that place for PYTHONPYCACHEPREFIX, with the bytecode of these folders; all or nothing of it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    begun = Path(tempfile.mkdtemp(prefix=f"{place.name}-", dir=place.parent))
    try:
        for folder in folders:
            for parent, below, _ in os.walk(folder):
                below[:] = [name for name in below if name != "site-packages"]
                if "__pycache__" in below:
                    target = begun / Path(parent).relative_to("/")
                    target.mkdir(parents=True, exist_ok=True)
                    for compiled in Path(parent, "__pycache__").glob(f"*.{sys.implementation.cache_tag}.pyc"):
                        os.link(compiled, target / compiled.name)
        begun.rename(place)
    except OSError:  # Another file system, or another run that was quicker.
        shutil.rmtree(begun)


def starters() -> list[int]:
    """The processes that this one ends with: its parent, that one's, and so on, within the session.

    None, if whoever started it wants it to outlive them (man 1 nohup), where there is no /proc, or where the leader
    of the session isn't to be seen from here (in a container, or below the machine's first process): its number is
    0 then, and so is that of the first process's parent, which can't be watched.
    """
    pid, session = os.getpid(), os.getsid(0)
    if not session or signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        return []
    found: list[int] = []
    while pid != session:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            is_ours = os.getsid(pid) == session
        except (OSError, ValueError):
            break
        if not is_ours:
            break
        found.append(pid)
    return found


def remove_stale(parent: Path) -> None:
    """Removes what runs have left whose guards were killed, too: by a power cut, for example."""
    for folder in parent.glob("bookstore-*-*-*"):
        named = NAMED.fullmatch(folder.name)
        if named and not _is_alive(int(named["pid"])):
            with contextlib.suppress(OSError), reaper.locked(folder):
                if folder.stat().st_uid == os.getuid() and not reaper.is_kept(folder):
                    reaper.end_all_in(folder)
                    reaper.remove(folder)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
