"""A machine: namespaces of its own for network, processes, mounts and memory, and the parts of a host in them."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from deploy.hosts import host as installing
from deploy.hosts import steps
from deploy.hosts.carrying_out import as_user, carry_out, look
from deploy.hosts.database_parts import BINARIES
from deploy.hosts.parts import Part
from deploy.hosts.rendering import OPERATOR, render
from deploy.hosts.secret_bundle import Bundle
from deploy.hosts.setting import Setting
from deploy.hosts.shop_parts import CACHE_URL
from tests.hosts import first_process
from tests.hosts.clock import Clock
from tests.hosts.disk import Disk
from tests.hosts.network import FLOATING, Namespace
from tests.hosts.processes import command_of, descendants, pids_in
from tests.waiting import wait_for

TO_READ_OUR_CODE = "DAC_READ_SEARCH"
"""Of what is written in Python: that and the checkout may lie in somebody's home here. On a real host they mayn't."""
SHELVES_ARE_FILLED = "BOOKSTORE_RESTOCK_EVERY_S=1\nBOOKSTORE_RESTOCK_LEVEL=50\n"
NAMES = f"BOOKSTORE_ALLOWED_HOSTS=127.0.0.1,{FLOATING}\n"
"""By which customers call the shop, besides the hosts' own, and staff the admins."""
SHARED = "/dev/shm"
"""What a server keeps there is gone with its machine."""
STAND_IN = "nobody"
RESTARTED = ("sh", "-c", 'while :; do "$@"; sleep 2; done', "sh")
"""As Restart=always and RestartSec=2 in the units."""
AROUND = ("sh -c ", "nsenter ")
"""Commands of what starts a program, and starts it again."""


class Machine:
    """Off at first. `setting.places` are folders of its own: its disk.

    With `disk_mb`, its data is on a file system of that size, which it alone sees. With a `clock`, its time is that,
    but for etcd: what is written in Go asks the kernel itself. Its front may share the cache of the hosts' Redis.
    """

    def __init__(
        self,
        setting: Setting,
        card: Namespace,
        logs: Path,
        disk_mb: int = 0,
        clock: Clock | None = None,
        *,
        shares_cache: bool = False,
    ) -> None:
        self.host, self._card, self._logs = setting.host, card, logs
        self._setting, self._cluster, self.places = setting, setting.cluster, setting.places
        self.parts = {part.name: _with_user(part) for part in render(setting)}
        self._disk = Disk(self.places.data.with_name("disk.img"), self.places.data, disk_mb) if disk_mb else None
        self._unshare: subprocess.Popen[str] | None = None
        self._first_pid = 0
        self._clock, self._shares_cache = clock, shares_cache
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def is_on(self) -> bool:
        return self._unshare is not None

    def install(self) -> None:
        """Files and folders, as `make host` makes them."""
        present = look(steps.paths(self.parts.values()), (), ())
        todo: list[steps.Step] = [steps.Folder(self.places.configuration, "root", 0o755)]
        todo.append(steps.Folder(self.places.data, "root", 0o755))
        for part in self.parts.values():
            todo += [*steps.folders(part), *steps.files(part, present)]
        for step in todo:
            carry_out(step)

        if "store" in self.parts:
            folder = self.parts["store"].folder
            shared = f"BOOKSTORE_CACHE_URL_FILE={folder / CACHE_URL}\n" if self._shares_cache else ""
            local = folder / "environment.local"
            carry_out(steps.Writing(local, SHELVES_ARE_FILLED + NAMES + shared, self.parts["store"].user))
        if self._disk:
            self._disk.make()

    def take_secrets(self, bundle: Bundle) -> None:
        """As `make host` does: who has other files than before starts again, or reads them again."""
        self.parts = {part.name: _with_user(part) for part in render(replace(self._setting, bundle=bundle))}
        present = look(steps.paths(self.parts.values()), (), ())
        for part in self.parts.values():
            changed = steps.files(part, present)
            for step in changed:
                carry_out(step)
            if changed and part.command:
                told = signal.SIGHUP if part.is_reloaded else signal.SIGTERM
                self.signal(told, part.name, Path(part.command[0]).name)

    def manage(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command of the store's, on this machine."""
        store = self.parts["store"]
        return self._run(store, *store.command[:-1], *command)

    def kill_node(self, name: str) -> None:
        """As `kill -9` there; its supervisor starts it again. Raises AssertionError if nothing has that pattern."""
        store = self.parts["store"]
        done = self._run(store, "sh", "-c", f"kill -9 $(cat run/{name}.pid)")
        assert done.returncode == 0, done.stderr

    def query(self, statement: str) -> subprocess.CompletedProcess[str]:
        """As PostgreSQL's superuser, asked on this machine."""
        patroni = self.parts["patroni"]
        return self._run(patroni, str(BINARIES / "psql"), "-X", "-h", str(patroni.data), "-c", statement, "postgres")

    def _run(self, part: Part, *program: str) -> subprocess.CompletedProcess[str]:
        called = [*self._inside(), *_as_user(part), "env", "-C", str(part.data), *program]
        return subprocess.run(called, check=False, capture_output=True, text=True, env=_environment(part))

    def _inside(self) -> list[str]:
        return ["nsenter", f"--target={self._first_pid}", "--net", "--mount", "--pid", "--ipc"]

    @property
    def processes_apart(self) -> Path:
        """The name of its namespace of processes, while it is on."""
        return Path(f"/proc/{self._first_pid}/ns/pid").readlink()

    @property
    def _root(self) -> Path:
        """Its file systems, as it sees them, while it is on (man 5 proc)."""
        return Path(f"/proc/{self._first_pid}/root")

    def log(self, part: str) -> str:
        """What it has said so far."""
        return (self._logs / f"{part}.log").read_text(errors="replace")

    def set_clock(self, by_s: int) -> None:
        """Wrong from now on by so many seconds."""
        assert self._clock is not None, "its clock is that of all"
        self._clock.set(by_s)

    def fill_disk(self) -> None:
        """Nothing can be written to it any more."""
        assert self._disk is not None, "its disk is that of all"
        self._disk.fill(self._root)

    def free_disk(self) -> None:
        assert self._disk is not None
        self._disk.free(self._root)

    def power_on(self) -> None:
        """With all its parts."""
        self._logs.mkdir(parents=True, exist_ok=True)
        apart = ["unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--propagation", "private"]
        disk = self._disk.mounted if self._disk else ()
        memory = () if self.places.data.is_relative_to(SHARED) else ("tmpfs", "tmpfs", SHARED)
        started = [sys.executable, "-I", "-S", first_process.__file__, *disk, *memory]
        self._unshare = subprocess.Popen(
            ["nsenter", f"--net={self._card.path}", *apart, *started], stdout=subprocess.PIPE, text=True
        )
        assert self._unshare.stdout is not None
        self._first_pid = int(self._unshare.stdout.readline())
        etcd = replace(self.parts["etcd"], data=self._root / self.parts["etcd"].data.relative_to("/"))
        with self._card.entered():
            joined = installing.place_in_etcd(etcd, self.parts[OPERATOR], self._cluster, self.host)
        if joined:
            carry_out(joined)
        for part in self.parts.values():
            if part.command:
                self._start(part)

    def lose_disk(self) -> None:
        """Off, and all that it had is gone."""
        self.power_off()
        for folder in (self.places.configuration, self.places.data):
            shutil.rmtree(folder)
        if self._disk:
            self._disk.image.unlink()

    def rebuild(self) -> None:
        """As `make host` does with the secrets that the others have."""
        self.install()
        self.power_on()

    def power_off(self) -> None:
        """As if somebody had pulled the plug: all that runs on it is killed at once."""
        if self._unshare is not None:
            self._unshare.kill()
            self._unshare.communicate()
            for process in self._processes.values():
                process.wait()
            self._unshare, self._processes = None, {}

    def stop(self, part: str) -> None:
        """As `systemctl stop`; nobody starts it again."""
        keeper, command = self._processes.pop(part), " ".join(self.parts[part].command)
        for pid in descendants([keeper.pid]):
            if command_of(pid).startswith(AROUND):
                os.kill(pid, signal.SIGKILL)
        keeper.wait()
        self.signal(signal.SIGTERM, part, command)
        wait_for(lambda: not pids_in(str(self.parts[part].data)), what=f"the end of {part}")

    def renew_store(self, checkout: Path) -> None:
        """Starts it with the code that lies there."""
        store = self.parts["store"]
        manage = str(checkout / "manage.py")
        self.parts["store"] = replace(store, command=(store.command[0], manage, *store.command[2:]))
        self._start(self.parts["store"])

    def signal(self, number: signal.Signals, part: str = "", program: str = "") -> int:
        """To the programs of one part, or of all; to how many. `program`: only those with that in their command."""
        folder = str(self.parts[part].data if part else self.places.data)
        started = [process.pid for name, process in self._processes.items() if part in ("", name)]
        commands = {pid: command_of(pid) for pid in descendants([*pids_in(folder), *started])}
        pids = [pid for pid, command in commands.items() if program in command and not command.startswith(AROUND)]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return len(pids)

    def _start(self, part: Part) -> None:
        clock = self._clock.environment if self._clock else {}
        with (self._logs / f"{part.name}.log").open("ab") as log:
            self._processes[part.name] = subprocess.Popen(
                [*self._inside(), *_as_user(part), "env", "-C", str(part.data), *RESTARTED, *part.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(part) | clock,
            )


def _with_user(part: Part) -> Part:
    """`make host` makes a user for the store; here somebody stands in who has nothing else."""
    users = {entry.pw_name for entry in pwd.getpwall()}
    return part if part.user in users else replace(part, user=STAND_IN)


def _as_user(part: Part) -> Sequence[str]:
    return as_user(part, TO_READ_OUR_CODE if part.command[0] == sys.executable else part.capability)


def _environment(part: Part) -> dict[str, str]:
    """TMPDIR shows whose process it is (tests/reaper.py). Bytecode is found where a run keeps it, and not written."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPYCACHEPREFIX")}
    own = kept | {"TMPDIR": str(part.data), "PYTHONDONTWRITEBYTECODE": "1"}
    return own | part.all_environment()
