"""Runs one node on granian: `BOOKSTORE_NODE=catalog-1 python -m bookstore_project.cluster.launch`.

granian is two processes: this one, which never loads the store and so starts at once and forks without threads
that hold locks, and its worker, which answers. If the worker dies this process ends too, with the worker's exit
status as a shell gives it (128 + the signal's number); the supervisor then starts both anew.
"""

import contextlib
import resource
import sys
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.mp import MPServer

from bookstore_project.cluster import lifeline
from bookstore_project.settings import tls, topology

TARGET = "bookstore_project.asgi:application"
GRACE_S = 0.7
"""How long requests may go on after a signal to stop, in seconds. One whose body never comes takes all of it."""
BACKLOG = 4096
"""Connections that wait for being accepted; the kernel may allow fewer (net.core.somaxconn)."""
CONNECTIONS = 20_000
"""Connections of a front at once, silent ones among them: beyond that, nobody is let in."""
OTHER_DESCRIPTORS = 512
"""What a node opens besides connections: files, and its own calls to others."""
HEADER_TIMEOUT_MS, HEADER_TIMEOUT_OF_REPLICA_MS = 10_000, 30_000
"""For the head of a request, the wait for its first byte included. Fronts keep their connections to replicas."""
HEAD_BUFFER_BYTES = 128 * 1024
"""Of a connection: what the server reads before there is a whole head. A gateway refuses less than that in words."""


class Server(MPServer):
    """granian's server, which remembers how its worker ended."""

    worker_status = 0

    def shutdown(self, exit_code: int = 0) -> None:
        self.worker_status = next((worker.inner.exitcode for worker in self.wrks if worker.inner.exitcode), 0)
        super().shutdown(exit_code)  # type: ignore[no-untyped-call]  # Granian has no types there.


def build_server(node: topology.Node, target: str) -> Server:
    is_public = node.service == topology.FRONT
    descriptors = raise_descriptor_limit()
    return Server(
        target,
        address=node.host,
        port=node.port,
        interface=Interfaces.ASGI,  # Also of replicas: a WSGI server hides that a body broke off.
        workers=1,
        http=HTTPModes.http1,
        websockets=False,
        # Not the default of as many connections as the backlog: a thousand silent clients would keep out all others.
        backlog=BACKLOG if is_public else 1024,
        backpressure=max(1, min(CONNECTIONS, descriptors - OTHER_DESCRIPTORS)) if is_public else None,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_TIMEOUT_MS if is_public else HEADER_TIMEOUT_OF_REPLICA_MS,
            max_buffer_size=HEAD_BUFFER_BYTES,
        ),
        **_encryption(),
        log_enabled=False,
        workers_kill_timeout=GRACE_S,  # type: ignore[arg-type]  # It is joined with it: parts of a second will do.
        working_dir=topology.ROOT,
    )


def _encryption() -> dict[str, Any]:
    """Whoever shows no certificate of the nodes' own authority isn't listened to."""
    if (shown := tls.CERTIFICATES) is None:
        return {}
    return {"ssl_cert": shown.own, "ssl_key": shown.key, "ssl_ca": shown.authority, "ssl_client_verify": True}


def raise_descriptor_limit() -> int:
    """Lets this process and its worker open as many files and connections as the system allows it; how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = CONNECTIONS + OTHER_DESCRIPTORS if hard == resource.RLIM_INFINITY else hard
    with contextlib.suppress(ValueError, OSError):  # Some systems allow less than they say.
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
        soft = max(soft, most)
    return soft


def main(arguments: list[str]) -> int:
    """Serves until a signal comes or the worker dies; an argument replaces the application (`module:name`)."""
    node = topology.NODE
    if node is None:
        sys.stderr.write(f"BOOKSTORE_NODE names no node. There are {', '.join(topology.NODES)}.\n")
        return 2
    lifeline.watch()
    server = build_server(node, arguments[0] if arguments else TARGET)
    with contextlib.suppress(SystemExit):
        server.serve()
    status = server.worker_status
    return 128 - status if status < 0 else status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
