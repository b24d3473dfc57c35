"""A real PostgreSQL of a test process's own, on a socket in its own folder, and a standby for those who need one.

It refuses to run as root: then it runs as the user that its package makes.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import psycopg

from bookstore_project.settings import topology
from tests.on_postgresql import OWNER, PACKAGE, program
from tests.waiting import wait_for

USER = "postgres"
"""Also of the superuser in it."""
SETTINGS = {
    # Nothing has to last beyond the test.
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "'64MB'",
    # In the server's folder, and gone with it: /dev/shm keeps what a server leaves that was killed.
    "dynamic_shared_memory_type": "mmap",
    "listen_addresses": "''",
    "max_wal_senders": "4",
    "wal_receiver_status_interval": "'1s'",
    # As the README has it: after a restart of the primary, all wait for the standby to come back.
    "wal_retrieve_retry_interval": "'500ms'",
    "log_min_messages": "fatal",
}


IN_EARNEST = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on"}
"""Where it is measured what it costs."""


class Server:
    """In a folder of its own, which is also that of its socket. `standby` follows it, once it is started."""

    def __init__(self, folder: Path, port: int = 5432, *, is_durable: bool = False) -> None:
        self.folder, self.port = folder, port
        self._settings = SETTINGS | (IN_EARNEST if is_durable else {})
        self.data = folder / f"data-{port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._paused: list[int] = []

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def create(self, like: Path | None = None) -> Self:
        """Made anew, with the role of the store and no database, or as a copy of what `keep` left; and started."""
        self._make_folder()
        if like is not None and like.exists():
            _copy(like, self.data)
            self._start()
            return self
        self._run("initdb", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust", "-U", USER, "-D", self.data)
        self._start()
        self.execute(f"CREATE ROLE {OWNER} LOGIN CREATEDB IN ROLE pg_monitor")
        return self

    def keep(self, folder: Path) -> None:
        """Leaves a copy of itself there, while it is stopped, for `create` of others."""
        self.stop(signal.SIGINT)
        _copy(self.data, folder.with_suffix(".unfinished"))
        folder.with_suffix(".unfinished").rename(folder)
        self._start()

    def follow(self, primary: "Server") -> Self:
        """Made as a copy of the other one, and started as its standby."""
        self._run(
            *("pg_basebackup", "-h", primary.folder, "-p", primary.port, "-U", USER),
            *("-D", self.data, "-R", "-X", "stream", "-c", "fast", "--no-sync"),
        )
        self._start()
        wait_for(self._receivers, what="the standby follows")
        return self

    def promote(self) -> None:
        """From now on it is a primary, of a timeline of its own."""
        self.execute("SELECT pg_promote(true, 600)")

    @property
    def url(self) -> str:
        """By which a store asks it, and no other."""
        return f"postgresql://{OWNER}@{quote(str(self.folder), safe='')}:{self.port}/"

    def stop(self, number: signal.Signals = signal.SIGQUIT) -> None:
        self._go_on()  # Who is paused would keep the next one from starting.
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None

    def start(self) -> None:
        """After `stop`, in whatever way: who was killed leaves others behind, which end a moment later."""
        wait_for(self._starts, what="PostgreSQL starts again")
        wait_for(self._answers, what="PostgreSQL answers")

    def connect(self, database: str = "postgres") -> "psycopg.Connection[tuple[Any, ...]]":
        """As the superuser, without a transaction."""
        where = {"host": str(self.folder), "port": self.port, "user": USER, "dbname": database}
        return psycopg.connect(autocommit=True, **where)  # type: ignore[arg-type]  # They are what psycopg takes.

    def execute(self, *statements: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """What the last one gives, if it gives anything."""
        with self.connect(database) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def end_sessions(self, database: str) -> None:
        """Of whoever uses that database: threads keep their connections."""
        ended = f"SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = '{database}'"
        self.execute(ended)

    @contextmanager
    def paused_receiver(self) -> Iterator[int]:
        """The standby neither takes nor confirms anything meanwhile; how many of its processes are paused."""
        self._paused = self._receivers()
        for pid in self._paused:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield len(self._paused)
        finally:
            self._go_on()

    def _go_on(self) -> None:
        while self._paused:
            with suppress(ProcessLookupError):
                os.kill(self._paused.pop(), signal.SIGCONT)

    def check(self, database: str) -> str:
        """What it finds wrong with the tables and indexes of a database; empty if nothing."""
        done = subprocess.run(
            self._command(
                *("pg_amcheck", "--install-missing", "-h", self.folder, "-p", self.port, "-U", USER, "-d", database)
            ),
            check=False,
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
        return done.stdout + done.stderr if done.returncode else ""

    def _receivers(self) -> list[int]:
        return [pid for (pid,) in self.execute("SELECT pid FROM pg_stat_wal_receiver WHERE status = 'streaming'")]

    def _make_folder(self) -> None:
        self.folder.mkdir(parents=True)
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER)
            open_way_to(self.folder)

    def _command(self, name: str, *arguments: object) -> list[str]:
        found = program(name)
        assert found is not None, f"this needs {name}: apt-get install {PACKAGE}"
        as_user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups"] if os.geteuid() == 0 else []
        return [*as_user, found, *map(str, arguments)]

    def _run(self, name: str, *arguments: object) -> None:
        command = self._command(name, *arguments)
        done = subprocess.run(command, check=False, cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def _start(self) -> None:
        self._spawn()
        wait_for(self._answers, what="PostgreSQL answers")

    def _starts(self) -> bool:
        """Whether it lives on, once it has looked for others in its folder."""
        if self._process is None:
            self._spawn()
        assert self._process is not None
        if self._process.poll() is not None:
            self._process = None
            return False
        return self._is_heard()

    def _spawn(self) -> None:
        options = [f"-c{name}={value.strip(chr(39))}" for name, value in self._settings.items()]
        command = self._command("postgres", "-D", self.data, "-k", self.folder, "-p", self.port, *options)
        self._process = subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "PostgreSQL has ended"
        return self._is_heard()

    def _is_heard(self) -> bool:
        try:
            return bool(self.execute("SELECT 1"))
        except psycopg.OperationalError:
            return False


def _copy(data: Path, to: Path) -> None:
    """Of a server that is stopped, with its owner."""
    subprocess.run(["cp", "-a", data, to], check=True)


def open_way_to(folder: Path) -> None:
    """Other users come through the folders of this run above it."""
    for parent in filter(_is_private, folder.parents):
        parent.chmod(0o711)


def _is_private(folder: Path) -> bool:
    """A temporary one, into which nobody else comes."""
    return not folder.stat().st_mode & 0o001 and any(map(folder.is_relative_to, ("/tmp", "/dev/shm", "/var/tmp")))


def kept_server() -> Path:
    """What the first process of a run leaves there for the others; TMPDIR is the run's."""
    return Path(tempfile.gettempdir(), "kept-server")


@cache
def server_of_tests() -> Server:
    """That of this process, started when it is first asked for; it ends with the run."""
    return Server(topology.DATA / "postgresql").create(kept_server())


@cache
def standby_of_tests() -> Server:
    return Server(topology.DATA / "postgresql", 5433).follow(server_of_tests())


def discard_standby() -> None:
    """It isn't one any more: the next one to need one has another made."""
    standby_of_tests().stop()
    shutil.rmtree(standby_of_tests().data)
    standby_of_tests.cache_clear()


@contextmanager
def synchronous() -> Iterator[Server]:
    """Each commit waits for the standby, which is given, while the block runs."""
    primary, standby = server_of_tests(), standby_of_tests()
    _require(primary, "walreceiver")
    try:
        yield standby
    finally:
        _require(primary, "")


@contextmanager
def primary_and_standby(folder: Path, *, is_durable: bool = False) -> Iterator[tuple[Server, Server]]:
    """Two servers of their own, of which one follows the other and confirms what it commits."""
    primary, standby = Server(folder, is_durable=is_durable), Server(folder, 5433, is_durable=is_durable)
    try:
        primary.create()
        standby.follow(primary)
        _require(primary, "walreceiver")
        yield primary, standby
    finally:
        standby.stop()
        primary.stop()


def _require(primary: Server, names: str) -> None:
    primary.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'", "SELECT pg_reload_conf()")
    wait_for(
        lambda: primary.execute("SHOW synchronous_standby_names") == [(names,)],
        what="the primary knows whom to wait for",
    )
    # Who sends to the standby reads the setting by itself, maybe later.
    found = "EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')"
    if not names:
        found = "NOT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state <> 'async')"
    wait_for(lambda: primary.execute(f"SELECT 1 WHERE {found}"), what="so does who sends to it")
