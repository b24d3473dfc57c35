"""What can befall a process: it is killed, or stopped for a while."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from tests.chaos.faults import ALIASES, Fault, Missed, NotHere, Scene, Undo
from tests.databases import SERVICES
from tests.waiting import wait_for

HOLDER_S = 2.0
"""How long somebody who holds the lock is waited for."""
NODES = ("front", *ALIASES)


def kill_node(scene: Scene, node: str) -> bool:
    """Whether there was a process to kill."""
    pid = _pid(scene, node)
    if not scene.owns(pid):
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return True


def _kill_supervisor(scene: Scene, _: str) -> None:
    """Its nodes end with it; then somebody starts the store again."""
    pids = [pid for node in NODES if (pid := _pid(scene, node))]
    scene.store.stop(signal.SIGKILL)
    wait_for(lambda: not any(scene.owns(pid) for pid in pids), 20, "the nodes to end with their supervisor")
    if scene.servers is not None:  # Without them it would say so, and end; a fault before this one may last still.
        scene.take_back()
        wait_for(scene.servers.is_whole, what="both servers")
    scene.store.start()
    # One after the other: the killer goes on, and on a slow machine they are never all ready at once.
    for node in scene.store.nodes:
        scene.store.wait_ready(node)


def _pid(scene: Scene, node: str) -> int:
    """0 if nobody answers for the node."""
    with suppress(OSError, ValueError):
        return scene.store.pid(node)
    return 0


def _stop_node(scene: Scene, node: str) -> Undo:
    return _stop(scene, _pid(scene, node))


def _stop_lock_holder(scene: Scene, service: str) -> Undo:
    if not Path("/proc/locks").exists():
        raise NotHere("/proc/locks, which says who holds a lock")
    deadline = time.monotonic() + HOLDER_S
    while time.monotonic() < deadline:
        pid = lock_holder(scene.store.data / "locks" / service / "mutex")
        if pid is not None:
            return _stop(scene, pid)
    raise Missed("nobody held the lock")


def lock_holder(path: Path) -> int | None:
    """The process that holds a flock on it: proc_locks(5)."""
    with suppress(OSError):
        inode = f":{path.stat().st_ino}"
        for line in Path("/proc/locks").read_text().splitlines():
            fields = line.split()
            if fields[1] == "FLOCK" and fields[5].endswith(inode) and int(fields[4]) > 0:
                return int(fields[4])
    return None


def _stop(scene: Scene, pid: int) -> Undo:
    if not scene.owns(pid):
        raise Missed("it was dead already")
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)

    def go_on() -> None:
        if scene.owns(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    return go_on


KILL_NODE, KILL_DIRECT, KILL_AT_POINT = "kill-node", "kill-direct", "kill-at-point"
STOP_LOCK_HOLDER = "stop-lock-holder"
PROCESS_FAULTS = (
    Fault("kill-supervisor", "kill", _kill_supervisor, targets=("supervisor",), weight=0.3),
    Fault("stop-node", "stop", _stop_node, holds_s=(0.5, 4), targets=NODES),
    Fault(STOP_LOCK_HOLDER, "stop", _stop_lock_holder, holds_s=(0.5, 10), targets=SERVICES),
)
