"""What can befall the servers of a store on PostgreSQL, and the connections to them."""

import signal
from contextlib import ExitStack

import psycopg

from tests.chaos.faults import Fault, Missed, Scene, Undo
from tests.chaos.servers import Servers
from tests.on_postgresql import OWNER
from tests.postgres import Server

PRIMARY, STANDBY = "primary", "standby"
MOST_ENDED = 5
"""Sessions that are ended at once."""


def _servers(scene: Scene) -> Servers:
    assert scene.servers is not None, "this fault is for a store on servers"
    return scene.servers


def _server(scene: Scene, target: str) -> Server:
    both = _servers(scene)
    return both.primary if target == PRIMARY else both.standby


def _kill(scene: Scene, target: str) -> Undo:
    server = _server(scene, target)
    server.stop(signal.SIGKILL)
    return server.start


def _hold(scene: Scene, target: str) -> Undo:
    """A standby that is down, or doesn't follow yet, can't be held: another fault's time isn't over."""
    stack = ExitStack()
    try:
        held = stack.enter_context(_server(scene, target).paused_receiver())
    except psycopg.Error as error:
        raise Missed("the standby is down") from error
    if not held:
        raise Missed("the standby follows nobody")
    return stack.close


def _end_sessions(scene: Scene, target: str) -> None:
    """As a network that breaks some connections."""
    server = _server(scene, target)
    try:
        found = [pid for (pid,) in server.execute(f"SELECT pid FROM pg_stat_activity WHERE usename = '{OWNER}'")]
        for pid in scene.rng.sample(found, min(MOST_ENDED, len(found))):
            server.execute(f"SELECT pg_terminate_backend({pid})")
    except psycopg.Error as error:
        raise Missed("the primary is down") from error


SERVER_FAULTS = (
    Fault("kill-primary", "server", _kill, holds_s=(0, 1.5), targets=(PRIMARY,)),
    Fault("stop-standby", "server", _kill, holds_s=(0.2, 3), targets=(STANDBY,)),
    Fault("hold-standby", "server", _hold, holds_s=(0.2, 4), targets=(STANDBY,)),
    Fault("end-sessions", "server", _end_sessions, targets=(PRIMARY,), weight=2.0),
)
