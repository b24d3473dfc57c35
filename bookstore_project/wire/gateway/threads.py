"""Runs a WSGI application (PEP 3333) for a request whose body has arrived."""

from collections.abc import Callable, Iterable
from typing import Any

from bookstore_project.wire.gateway.messages import Outgoing

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def run_wsgi(application: WSGIApplication, environ: dict[str, Any]) -> Outgoing:
    """The application's whole answer. For a thread: it takes as long as the view takes."""
    answer = Outgoing(500)
    written: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> Callable[[bytes], None]:
        answer.status, answer.headers = int(status.split(" ", 1)[0]), headers
        return written.append

    chunks = application(environ, start_response)
    try:
        answer.body = b"".join([*written, *chunks])
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    return answer
