"""Runs all processes of the usual way (`benchmarks/usual_way`): until SIGINT, SIGTERM, or whoever started it ends.

On free ports of 127.0.0.1 alone. It keeps no secret, and asks nobody who they are.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from bookstore_project.cluster import lifeline

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
REPLICAS = ("catalog-1", "catalog-2", "order-1", "order-2")
THREADS = "128"
"""Of a process. Who waits for another one keeps its thread, and a purchase comes back to the front that waits for it:
with few, a crowd would stand still."""
LOOK_S = 0.1
START_S = 120.0
RESTART_S = 1.0
"""After its start, at the earliest: who can't start isn't started again all the time."""


def main() -> int:
    options = parse_options()
    options.data.mkdir(parents=True, exist_ok=True)
    parent = os.getppid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    with running(options.data.resolve(), options.fronts, is_cached=not options.no_cache) as restart_dead:
        while os.getppid() == parent:
            restart_dead()
            time.sleep(LOOK_S)
    return 1


@contextmanager
def running(data: Path, fronts: int, *, is_cached: bool) -> Iterator[Callable[[], None]]:
    """All processes, up; `addresses.json` in the folder says where. They end with this one, however it ends.

    Gives what starts those again that have died, as whoever runs the usual way would have it done.
    """
    addresses = free_addresses([*(f"front-{number}" for number in range(1, fronts + 1)), *REPLICAS])
    with ExitStack() as stack:
        alive = stack.enter_context(contextlib.closing(lifeline.Lifeline()))
        environment = os.environ | {
            lifeline.VARIABLE: str(alive.read_fd),
            "DJANGO_SETTINGS_MODULE": "benchmarks.usual_way.settings",
            "USUAL_WAY_DATA": str(data),
            "USUAL_WAY_ADDRESSES": json.dumps(addresses),
            "USUAL_WAY_CACHE": "on" if is_cached else "off",
        }

        def start(name: str) -> "subprocess.Popen[bytes]":
            own = environment | {"USUAL_WAY_NODE": name}
            begun[name] = time.monotonic()
            return stack.enter_context(node(addresses[name], own, alive.read_fd))

        def restart_dead() -> None:
            for name, process in nodes.items():
                if process.poll() is not None and time.monotonic() > begun[name] + RESTART_S:
                    nodes[name] = start(name)

        begun: dict[str, float] = {}
        nodes = {name: start(name) for name in addresses}
        # All are told to end, before each is waited for.
        stack.callback(lambda: terminate(nodes.values()))
        wait_until_up(addresses, list(nodes.values()))
        told = data / "addresses.new"
        told.write_text(json.dumps(addresses))
        told.replace(data / "addresses.json")
        sys.stdout.write(f"The usual way is up: http://{addresses['front-1']}/product/1 (Ctrl-C ends it)\n")
        sys.stdout.flush()
        yield restart_dead


def terminate(processes: Iterable["subprocess.Popen[bytes]"]) -> None:
    for process in processes:
        process.terminate()


@contextmanager
def node(address: str, environment: dict[str, str], alive: int) -> Iterator["subprocess.Popen[bytes]"]:
    """One, on the web server that the store has, so that what differs is the way and not the server."""
    port = address.rpartition(":")[2]
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", port, "--no-ws"]
    command += ["--blocking-threads", THREADS, "--log-level", "error", "--workers-kill-timeout", "1"]
    command += ["benchmarks.usual_way.application:application"]
    # In a session of its own, as each of the store's nodes is; also what the lifeline ends is the whole group.
    process = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=(alive,), start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_addresses(names: list[str]) -> dict[str, str]:
    """Ports that the kernel gives; all held until all are known, so that none comes twice."""
    with ExitStack() as stack:
        held = [stack.enter_context(socket.create_server((HOST, 0))) for _ in names]
        return {name: f"{HOST}:{server.getsockname()[1]}" for name, server in zip(names, held, strict=True)}


def wait_until_up(addresses: dict[str, str], nodes: list["subprocess.Popen[bytes]"]) -> None:
    end = time.monotonic() + START_S
    while not all(is_up(address) for address in addresses.values()):
        if any(process.poll() is not None for process in nodes) or time.monotonic() > end:
            raise SystemExit("The usual way does not start; what its processes said is above.")
        time.sleep(LOOK_S)


def is_up(address: str) -> bool:
    try:
        with urlopen(f"http://{address}/", timeout=5):
            return True
    except HTTPError:
        return True  # It has no such page, and says so itself.
    except (URLError, OSError):
        return False


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.usual_way", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder for its files")
    parser.add_argument("--fronts", type=int, default=1, help="how many fronts (default 1)")
    parser.add_argument("--no-cache", action="store_true", help="fronts keep nothing: each read is a miss")
    return parser.parse_args()
