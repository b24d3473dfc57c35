"""A real redis-server of a test's own: on a socket in its own folder, small, and without anything on disk."""

import shutil
import signal
import subprocess
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self

import redis

from tests import programs
from tests.waiting import PATIENCE_S, wait_for

MAXMEMORY = "2mb"


class RedisServer:
    """A context manager: it answers inside, and is gone after. Can be paused, killed, and started from a snapshot."""

    def __init__(self, *options: str) -> None:
        # Not pytest's folder, whose path may be too long for a socket.
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self.socket = self.folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        program = programs.require("redis-server", "redis-server")
        command = [program, "--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder)]
        command += ["--save", "", "--appendonly", "no", "--maxmemory", MAXMEMORY, "--maxmemory-policy", "allkeys-lru"]
        self._process = subprocess.Popen([*command, *self._options], stdout=subprocess.DEVNULL)
        wait_for(self._answers, PATIENCE_S, "redis-server answers")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "redis-server has ended"
        with suppress(redis.RedisError):
            return bool(self.ask("PING"))
        return False

    def kill(self) -> None:
        """Whether it is paused or not."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE_S)
            self._process = None

    def pause(self) -> None:
        """From now on it takes connections, as the kernel does that, and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Killed, and started anew with whatever snapshot there is."""
        self.kill()
        self.start()

    def ask(self, *command: str | bytes) -> Any:
        with closing(redis.Redis(unix_socket_path=str(self.socket), socket_timeout=PATIENCE_S)) as client:
            return client.execute_command(*command)

    def save(self) -> bytes:
        """A snapshot of all that it holds."""
        self.ask("SAVE")
        return (self.folder / "dump.rdb").read_bytes()

    def restore(self, snapshot: bytes) -> None:
        """As an operator would: stopped, the file exchanged, started."""
        self.kill()
        (self.folder / "dump.rdb").write_bytes(snapshot)
        self.start()

    def figure(self, section: str, name: str) -> int:
        """A number of INFO."""
        text = self.ask("INFO", section)
        return int(text[name] if isinstance(text, dict) else dict(_pairs(text))[name])


def _pairs(text: bytes) -> list[list[str]]:
    return [line.split(":", 1) for line in text.decode().splitlines() if ":" in line]
