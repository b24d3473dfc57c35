"""Nothing of a run is left, however it ends: no process, no folder."""

import ctypes
import importlib.util
import os
import py_compile
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Self

import pytest

from tests import reaper, run_folder
from tests.run_folder import RunFolder, link_bytecode, place_in_memory, remove_stale
from tests.store import ROOT
from tests.waiting import wait_for

RUN = """
import os, subprocess, sys, tempfile, time
from pathlib import Path
from tests.run_folder import RunFolder

folder = RunFolder("trial")
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
subprocess.Popen(sleep, start_new_session=True)
# Its environment says nothing, its parent's does.
subprocess.Popen([sys.executable, "-c", f"import subprocess; subprocess.run({sleep!r}, env={{}})"])
os.fork() or time.sleep(600)  # Holds whatever its parent has open.
Path(tempfile.gettempdir(), "something").mkdir(mode=0)
if "keep" in sys.argv:
    folder.keep()
print(folder.path, flush=True)
time.sleep(0 if "end" in sys.argv else 600)
"""
STARTER = """
import subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1]])
"""
BUSY = """
import os, sys, time

program = sys.argv[1]
for number in range(1000):
    os.posix_spawn(program, [program, "600"], {})
    print(number, flush=True)
    time.sleep(0.001)
"""


class Trial:
    """A run in a process of its own, or (`is_started_by_another`) in one that such a process has started."""

    def __init__(self, parent: Path, *arguments: str, is_started_by_another: bool = False) -> None:
        code = [STARTER, RUN] if is_started_by_another else [RUN]
        self.process = subprocess.Popen(
            [sys.executable, "-c", *code, *arguments],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(parent)},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.folder = Path(self.process.stdout.readline().strip())
        assert self.folder.parent == parent

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def is_gone(self) -> bool:
        return not reaper.processes_in(self.folder) and not self.folder.exists()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Trial]]:
    with ExitStack() as stack:

        def started(*arguments: str, is_started_by_another: bool = False) -> Trial:
            return stack.enter_context(Trial(tmp_path, *arguments, is_started_by_another=is_started_by_another))

        yield started
    reaper.end_all_in(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.processes
def test_a_run_that_is_ended_leaves_nothing(start: Callable[..., Trial], number: signal.Signals) -> None:
    trial = start()
    wait_for(lambda: len(reaper.processes_in(trial.folder)) == 3, what="all that it starts")
    trial.end(number)
    wait_for(trial.is_gone, what="an end of all that the run has started")


@pytest.mark.processes
def test_nobody_escapes_who_is_started_while_all_are_being_ended(tmp_path: Path) -> None:
    """Children whose environment says nothing, started one after another by a process that works in the folder."""
    sleep = tmp_path / "sleep"
    sleep.symlink_to("/bin/sleep")
    with subprocess.Popen(
        [sys.executable, "-c", BUSY, str(sleep)],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
    ) as busy:
        assert busy.stdout is not None
        busy.stdout.readline()
        reaper.end_all_in(tmp_path)
        left = [process for process in Path("/proc").glob("[0-9]*") if str(sleep) in command_of(process)]
        for process in left:
            os.kill(int(process.name), signal.SIGKILL)
    assert not left


@pytest.mark.processes
def test_who_has_written_over_its_environment_is_known_by_where_it_works(tmp_path: Path) -> None:
    """As redis-server does. Somebody's shell that stands in the folder is none of the run's."""
    with ExitStack() as stack:
        blank, shell = (
            stack.enter_context(subprocess.Popen(["/bin/sleep", "600"], env=environment, cwd=tmp_path))
            for environment in ({}, {"SHELL": "/bin/sh"})
        )
        stack.callback(shell.kill)
        stack.callback(blank.kill)
        assert reaper.processes_in(tmp_path) == {blank.pid}


@pytest.mark.skipif(not Path("/proc/sysvipc/shm").exists(), reason="it tells what shared memory there is")
def test_shared_memory_of_a_killed_server_goes_with_its_folder(tmp_path: Path) -> None:
    """Unless somebody uses it: the number in the file may be another one's by now."""
    libc = ctypes.CDLL(None)
    libc.shmat.restype = ctypes.c_void_p
    left, used = (libc.shmget(0, 56, 0o600) for _ in range(2))
    if min(left, used) < 0:
        pytest.skip("the machine gives no shared memory")
    attached = libc.shmat(used, None, 0)
    for number in (left, used):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "postmaster.pid").write_text("1\n2\n3\n4\n5\n6\n" + f"{0:9} {number:9}\nready\n")
    reaper.end_all_in(tmp_path)
    lines = Path("/proc/sysvipc/shm").read_text().splitlines()
    libc.shmdt(ctypes.c_void_p(attached))
    libc.shmctl(used, 0, None)
    assert {number: any(line.split()[1] == str(number) for line in lines) for number in (left, used)} == {
        left: False,
        used: True,
    }


def command_of(process: Path) -> str:
    try:
        return (process / "cmdline").read_text()
    except OSError:  # It has ended.
        return ""


@pytest.mark.processes
def test_a_run_whose_starter_is_killed_ends_with_it(start: Callable[..., Trial]) -> None:
    trial = start(is_started_by_another=True)
    trial.end()
    wait_for(trial.is_gone, what="an end of the run, and of all that it has started")


def test_a_run_goes_on_whose_sessions_leader_is_out_of_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.getsignal", lambda number: signal.SIG_DFL)
    monkeypatch.setattr("os.getsid", lambda pid: 0)
    assert not run_folder.starters()


@pytest.mark.processes
def test_only_who_is_known_to_have_ended_is_taken_for_gone(capfd: pytest.CaptureFixture[str]) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with subprocess.Popen(["sleep", "600"]) as run:
        out_of_sight = 0
        assert run_says_done(run.pid, [out_of_sight])
        assert run.poll() is None
        assert not run_says_done(run.pid, [out_of_sight, ended.pid])
        assert run.wait() == -signal.SIGKILL
    assert "Ended with the process that had started it" in capfd.readouterr().err


def run_says_done(run: int, starters: Sequence[int]) -> bool:
    """Whether that is what ends a reaper's wait; it has been said already."""
    read_fd, write_fd = os.pipe()
    os.write(write_fd, reaper.DONE)
    try:
        return reaper.wait_for_the_end(read_fd, run, starters)
    finally:
        os.close(read_fd)
        os.close(write_fd)


@pytest.mark.processes
def test_a_run_that_ends_by_itself_leaves_nothing(start: Callable[..., Trial]) -> None:
    trial = start("end")
    trial.process.wait()
    wait_for(trial.is_gone, what="an end of all that the run has started")


@pytest.mark.processes
def test_a_kept_folder_stays_without_its_processes(start: Callable[..., Trial]) -> None:
    trial = start("keep")
    trial.end()
    wait_for(lambda: not reaper.processes_in(trial.folder))
    wait_for(lambda: is_free(trial.folder), what="the end of its reaper")
    remove_stale(trial.folder.parent)
    assert (trial.folder / "something").exists()


def is_free(folder: Path) -> bool:
    """Whether nobody takes care of it any more."""
    try:
        with reaper.locked(folder):
            return True
    except BlockingIOError:
        return False


@pytest.mark.processes
def test_what_a_killed_guard_leaves_is_removed_by_the_next_run(start: Callable[..., Trial]) -> None:
    trial = start()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"reaper.py\0{trial.folder}\0" in (process / "cmdline").read_text():
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:  # It has ended.
            continue
    wait_for(lambda: is_free(trial.folder), what="the end of its reaper")
    remove_stale(trial.folder.parent)
    assert trial.folder.exists(), "its run goes on"
    trial.process.kill()
    trial.process.wait()
    remove_stale(trial.folder.parent)
    assert not trial.folder.exists()


def test_a_folder_under_somebodys_care_is_not_stale(tmp_path: Path) -> None:
    folder = tmp_path / f"bookstore-trial-{2**22 + 1}-x"
    folder.mkdir()
    with reaper.locked(folder):
        remove_stale(tmp_path)
        assert folder.exists()
    remove_stale(tmp_path)
    assert not folder.exists()


def test_nobody_elses_folder_is_stale(tmp_path: Path) -> None:
    names = ("bookstore-data", "bookstore-trial-x-y", "bookstore", "other-trial-4194305-x")
    for name in names:
        (tmp_path / name).mkdir()
    remove_stale(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(names)


@pytest.mark.processes
def test_the_folder_is_where_temporary_files_go_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with closing(RunFolder("trial")) as folder:
        assert os.environ["TMPDIR"] == str(folder.path)
        (folder.path / "file").touch()
    assert os.environ["TMPDIR"] == str(tmp_path)
    assert not folder.path.exists()


def test_files_are_in_memory_where_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(run_folder, "ENOUGH_BYTES", 1)
    assert place_in_memory(tmp_path) == tmp_path
    assert place_in_memory(tmp_path / "missing") is None
    monkeypatch.setattr(run_folder, "ENOUGH_BYTES", 2**63)
    assert place_in_memory(tmp_path) is None


def test_a_place_that_is_named_for_temporary_files_is_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folder, "ENOUGH_BYTES", 1)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "named"))
    assert place_in_memory(tmp_path) is None


def test_bytecode_of_libraries_is_taken_over_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, library = tmp_path / "cache" / "place", tmp_path / "library"
    code = library / "package" / "module.py"
    code.parent.mkdir(parents=True)
    code.write_text("1")
    monkeypatch.setattr(sys, "pycache_prefix", None)
    compiled = py_compile.compile(str(code))
    assert compiled is not None
    link_bytecode(place, [str(library)])
    link_bytecode(place, [str(library)])  # Another run was quicker: its place stays.
    monkeypatch.setattr(sys, "pycache_prefix", str(place))
    assert Path(importlib.util.cache_from_source(str(code))).samefile(compiled)
    assert list(place.parent.iterdir()) == [place]


def test_what_cannot_be_taken_over_leaves_no_half(tmp_path: Path) -> None:
    (tmp_path / "package" / "__pycache__").mkdir(parents=True)
    (tmp_path / "package" / "__pycache__" / f"module.{sys.implementation.cache_tag}.pyc").mkdir()  # Not to be linked.
    link_bytecode(tmp_path / "cache" / "place", [str(tmp_path / "package")])
    assert list((tmp_path / "cache").iterdir()) == []
