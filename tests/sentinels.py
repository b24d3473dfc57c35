"""Two Redis and three Sentinels of a test's own, which elect the one that is written to; all with passwords."""

import shutil
import signal
import subprocess
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self

import redis

from tests import programs
from tests.ports import free_ports
from tests.waiting import PATIENCE_S, wait_for

NAME, PASSWORD, OF_SENTINELS = "cache", "p/ss@1", "other"
DOWN_AFTER_MS = 500
HOST = "127.0.0.1"


class ElectedRedis:
    """A context manager: inside, one of the two is written to and the other follows; gone after."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="sentinels-"))
        free = free_ports(5, HOST)
        self.ports, self.sentinels = free[:2], free[2:]
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        hosts = ",".join(f"{HOST}:{port}" for port in self.sentinels)
        return f"redis+sentinel://:p%2Fss%401@{hosts}/{NAME}?sentinel_password={OF_SENTINELS}"

    def __enter__(self) -> Self:
        first, second = self.ports
        common = (
            f'bind {HOST}\nrequirepass "{PASSWORD}"\nmasterauth "{PASSWORD}"\nsave ""\nrepl-diskless-sync-delay 0\n'
        )
        self._start(first, common)
        self._start(second, common + f"replicaof {HOST} {first}\n")
        for port in self.sentinels:
            self._start(
                port,
                f"bind {HOST}\nrequirepass {OF_SENTINELS}\nsentinel sentinel-pass {OF_SENTINELS}\n"
                f'sentinel monitor {NAME} {HOST} {first} 2\nsentinel auth-pass {NAME} "{PASSWORD}"\n'
                f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}\nsentinel failover-timeout {NAME} 5000\n",
                "--sentinel",
            )
        wait_for(self._is_whole, what="three Sentinels that know one another and both Redis")
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait(PATIENCE_S)
        shutil.rmtree(self._folder, ignore_errors=True)

    def elected(self) -> int:
        """The port of the one that is written to, by what the first Sentinel says."""
        return int(self._told(self.sentinels[0], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)[1])

    def pause(self, port: int) -> None:
        """From now on it takes connections, and answers nothing."""
        self._processes[port].send_signal(signal.SIGSTOP)

    def resume(self, port: int) -> None:
        self._processes[port].send_signal(signal.SIGCONT)

    def is_written_to(self, port: int) -> bool:
        """By its own account."""
        return bool(self._told(port, "ROLE")[0] == b"master")

    def kill(self, port: int) -> None:
        self._processes[port].kill()
        self._processes[port].wait(PATIENCE_S)

    def _start(self, port: int, text: str, *options: str) -> None:
        program = programs.require("redis-server", "redis-server")
        folder = self._folder / str(port)
        folder.mkdir()
        (folder / "own.conf").write_text(f"port {port}\ndir {folder}\n{text}")
        command = [program, str(folder / "own.conf"), *options]
        self._processes[port] = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def _is_whole(self) -> bool:
        with suppress(redis.RedisError):
            return all(self._knows_all(port) for port in self.sentinels)
        return False

    def _knows_all(self, sentinel: int) -> bool:
        others = self._ask(sentinel, "SENTINEL", "SENTINELS", NAME)
        followers = self._ask(sentinel, "SENTINEL", "REPLICAS", NAME)
        return len(others) == 2 and len(followers) == 1 and _as_dict(followers[0])["master-link-status"] == "ok"

    def _told(self, port: int, *command: str) -> Any:
        """As soon as there is an answer: a Redis hangs up on all when a Sentinel has it follow another one."""

        def answers() -> list[Any]:
            with suppress(redis.RedisError):
                return [self._ask(port, *command)]
            return []

        (answer,) = wait_for(answers, what=f"an answer at {port}")
        return answer

    def _ask(self, port: int, *command: str) -> Any:
        password = OF_SENTINELS if port in self.sentinels else PASSWORD
        with closing(redis.Redis(HOST, port, password=password, socket_timeout=1, protocol=2)) as client:
            client.response_callbacks.clear()
            return client.execute_command(*command)


def _as_dict(words: list[bytes]) -> dict[str, str]:
    texts = [word.decode() for word in words]
    return dict(zip(texts[::2], texts[1::2], strict=True))
