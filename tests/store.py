"""A real store for tests: its own processes, data folder and ports, from start to the last process's end."""

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self, TypeVar

from bookstore_project.cluster import lifeline
from tests import loaded
from tests.loaded import Forked, Unavailable, alive
from tests.ports import free_port
from tests.waiting import PATIENCE_S, wait_for

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / ".pytest_cache" / "static"
"""Collected by the first store that finds it out of date, for all of them, in later runs, too."""
CLUSTER = (sys.executable, str(ROOT / "manage.py"), "cluster")
READY_S = PATIENCE_S
HOSTS = ("127.0.0.1", "127.0.0.2")
QUICK_LOGINS = {"DJANGO_SETTINGS_MODULE": "tests.store_settings"}
"""Environment of a store in which it doesn't matter what a login costs."""

T = TypeVar("T")


def is_unanswered(connection: socket.socket) -> bool:
    """Whether the other side has neither said anything nor closed."""
    looking = select.poll()  # It takes descriptors of any number.
    looking.register(connection, select.POLLIN)
    return not looking.poll(0)


def rest_of(connection: socket.socket) -> bytes:
    """What the other side still says, up to the end of the connection, however that comes."""
    heard = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(4096):
            heard += chunk
    return heard


def addresses(fronts: int = 1) -> dict[str, str]:
    """Free addresses for all nodes: replicas of a service share a port where there are two addresses."""
    second = HOSTS[1] if sys.platform == "linux" else HOSTS[0]
    taken: set[int] = set()

    def port_on(*hosts: str) -> int:
        """None that another node of the store has, on whichever address."""
        port = next(port for port in iter(lambda: free_port(*hosts), 0) if port not in taken)
        taken.add(port)
        return port

    port = port_on(*{HOSTS[0], second})
    found = {"front": f"{HOSTS[0]}:{port}"}
    for number in range(2, fronts + 1):
        host = f"127.0.0.{number}"
        found[f"front-{number}"] = f"{host}:{port}" if second != HOSTS[0] else f"{HOSTS[0]}:{port_on(HOSTS[0])}"
    for service in ("catalog", "order"):
        port = port_on(HOSTS[0], second)
        found[f"{service}-1"] = f"{HOSTS[0]}:{port}"
        found[f"{service}-2"] = f"{second}:{port if second != HOSTS[0] else port_on(HOSTS[0])}"
    return found


class Store:
    """`manage.py cluster` with everything of its own. A context manager: ready inside, gone after.

    `data` is its folder; what the console says goes to `<data>.console`. Further settings in `environment`. With
    `prepared`, a folder that `manage.py prepare` has made, it begins with a copy of that, and logins are quick; and
    its commands are forked from what has loaded the libraries (`loaded.py`), if it isn't told otherwise.
    """

    def __init__(
        self,
        data: Path,
        *,
        fronts: int = 1,
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] = CLUSTER,
        prepared: Path | None = None,
        is_forked: bool | None = None,
    ) -> None:
        if prepared is not None:
            # What is there already is a disk that somebody has mounted.
            shutil.copytree(prepared, data, dirs_exist_ok=True)
            environment = QUICK_LOGINS | dict(environment or {})
        self.data = data
        self.addresses = addresses(fronts)
        self.environment = environment_for(data, self.addresses) | dict(environment or {})
        self._command = list(command)
        self._is_forked = prepared is not None and command is CLUSTER if is_forked is None else is_forked
        self._console = data.with_name(f"{data.name}.console")
        self._process: subprocess.Popen[bytes] | Forked | None = None
        self._heard: dict[int, int] = {}
        """By inode of a file that was written, how much of it belongs to former tests."""

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self._end_by_force()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.running:
                self.stop()
            self.wait_gone()
        finally:
            self._end_by_force()

    # ---------------------------------------------------------------------------------- the supervisor

    @property
    def supervisor(self) -> subprocess.Popen[bytes] | Forked:
        assert self._process is not None, "the store was not started"
        return self._process

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts the supervisor, and waits for nothing."""
        environment = self.environment | {lifeline.VARIABLE: str(alive.read_fd)}
        with self._console.open("ab") as console:
            if self._is_forked:
                with contextlib.suppress(Unavailable):
                    command = self._command[1:]
                    self._process = loaded.start(command, environment, console.fileno(), is_supervisor=True)
                    return
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                pass_fds=(alive.read_fd,),
                start_new_session=True,
            )

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = PATIENCE_S) -> int:
        """Signals the supervisor; returns its exit status."""
        self.supervisor.send_signal(number)
        return self.supervisor.wait(timeout_s)

    def manage(
        self, *arguments: str, node: str = "", timeout_s: float = PATIENCE_S
    ) -> subprocess.CompletedProcess[str]:
        """Runs a management command on this store's data."""
        command = [str(ROOT / "manage.py"), *arguments]
        environment = self.environment | {"BOOKSTORE_NODE": node}
        if self._is_forked:
            return loaded.run(command, environment, timeout_s)
        return subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[bytes] | Forked:
        """Starts a management command on this store's data, whatever it says, and waits for nothing."""
        command = [str(ROOT / "manage.py"), *arguments]
        if self._is_forked:
            with contextlib.suppress(Unavailable), Path(os.devnull).open("wb") as nowhere:
                return loaded.start(command, self.environment, nowhere.fileno())
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def console(self) -> str:
        """Everything that the supervisor has said so far."""
        return self._said(self._console)

    def log(self, node: str) -> str:
        return self._said(self.data / "log" / f"{node}.log")

    def forget_what_was_said(self) -> None:
        """From now on, console and logs begin here."""
        said = (self._console, *(self.data / "log").glob("*.log*"))
        self._heard = {about.st_ino: about.st_size for about in (path.stat() for path in said if path.exists())}

    def _said(self, path: Path) -> str:
        """With what was put aside of it, as it had grown too large (`LogFile`)."""
        words = b""
        for part in (path.with_name(f"{path.name}.1"), path):
            with contextlib.suppress(FileNotFoundError), part.open("rb") as file:
                file.seek(self._heard.get(os.fstat(file.fileno()).st_ino, 0))
                words += file.read()
        return words.decode(errors="replace")

    # -------------------------------------------------------------------------------------- the nodes

    @property
    def nodes(self) -> list[str]:
        return list(self.addresses)

    @property
    def front(self) -> str:
        return self.url("front")

    def url(self, node: str) -> str:
        return f"http://{self.addresses[node]}"

    def connect(self, node: str = "front", timeout_s: float = PATIENCE_S) -> socket.socket:
        """A bare connection, for what no HTTP client would do."""
        host, _, port = self.addresses[node].partition(":")
        return socket.create_connection((host, int(port)), timeout=timeout_s)

    @property
    def staff(self) -> tuple[str, str]:
        """User name and password of the staff account."""
        return "staff", (self.data / "staff-password").read_text().strip()

    def pid(self, node: str) -> int:
        """The process that answers for this node, as the node said last."""
        return int((self.data / "run" / f"{node}.pid").read_text())

    def kill(self, node: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Signals the process that answers; returns its pid. No error if it is dead already."""
        pid = self.pid(node)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        return pid

    def is_ready(self, node: str) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url(node)}/readyz", timeout=10) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError, ValueError):
            return False

    def wait_ready(self, *nodes: str, timeout_s: float = READY_S) -> None:
        """Returns when these nodes (all, by default) say that they are ready; tells the console if they don't."""
        wanted = nodes or tuple(self.nodes)

        def ready() -> bool:
            assert self.running, f"the supervisor has ended ({self.supervisor.returncode}):\n{self.console()}"
            return all(self.is_ready(node) for node in wanted)

        try:
            wait_for(ready, timeout_s, f"{', '.join(wanted)} ready")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.console()}") from error

    def wait_restarted(self, node: str, old_pid: int, timeout_s: float = READY_S) -> int:
        """Returns the new pid when another process than `old_pid` answers for the node."""
        wait_for(lambda: self.pid(node) != old_pid, timeout_s, f"a new {node}")
        self.wait_ready(node, timeout_s=timeout_s)
        return self.pid(node)

    def wait_for(self, condition: Callable[[], T], timeout_s: float = PATIENCE_S, what: str = "") -> T:
        return wait_for(condition, timeout_s, what)

    # ------------------------------------------------------------------------------------- the end

    def processes(self) -> dict[int, str]:
        """Every living process that works on this store's data: pid and command."""
        found = {}
        wanted = f"BOOKSTORE_DATA={self.data}".encode()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if wanted in (process / "environ").read_bytes().split(b"\0"):
                    found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
            except OSError:  # It has ended, or is somebody else's.
                continue
        return {pid: command for pid, command in found.items() if pid != os.getpid() and command}

    def wait_gone(self, timeout_s: float = PATIENCE_S) -> None:
        """Returns when no process of the store is left; raises AssertionError naming those that are."""
        try:
            wait_for(lambda: not self.processes(), timeout_s)
        except AssertionError:
            raise AssertionError(f"left over: {self.processes()}\n{self.console()}") from None

    def _end_by_force(self) -> None:
        """Whatever a failed test left behind."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._process:
            self._process.wait(PATIENCE_S)


def environment_for(data: Path, nodes: Mapping[str, str]) -> dict[str, str]:
    """This process's environment, without its own store's settings and with those of another one."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("BOOKSTORE_") and name not in ("DJANGO_SETTINGS_MODULE", "RUN_MAIN")
    }
    return inherited | {
        "BOOKSTORE_DATA": str(data),
        "BOOKSTORE_STATIC": str(STATIC),
        "BOOKSTORE_FRONTS": ",".join(address for name, address in nodes.items() if name.startswith("front")),
        "BOOKSTORE_CATALOG": f"{nodes['catalog-1']},{nodes['catalog-2']}",
        "BOOKSTORE_ORDER": f"{nodes['order-1']},{nodes['order-2']}",
        "DJANGO_SETTINGS_MODULE": "bookstore_project.settings.base",
    }
