"""What a request's head must not be: too long, or in a transfer coding that nobody has taken off."""

from bookstore_project.wire import shown
from bookstore_project.wire.gateway.messages import Incoming

LONGEST_TARGET = 8192
"""Bytes of path and query (RFC 9110, 4.1, asks for 8,000). It bounds what remembers addresses, in libraries too."""
LARGEST_HEAD_BYTES = 32 * 1024
"""Of all headers together."""


class BadHead(Exception):
    """The request is refused before its body is read; `code` is the problem's."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


def check_head(request: Incoming) -> None:
    """Raises BadHead.

    Of a transfer coding the server takes off `chunked` alone. A body in another one isn't what its sender meant
    (RFC 9112, 6.1), and `chunked` twice is sent by nobody who means well.
    """
    raw: bytes = request.scope.get("raw_path") or request.path.encode("utf-8", "surrogatepass")
    if len(raw) + len(request.query) > LONGEST_TARGET:
        raise BadHead("uri_too_long", f"An address has at most {LONGEST_TARGET} bytes here, its query included.")
    if sum(len(name) + len(value) for name, value in request.scope["headers"]) > LARGEST_HEAD_BYTES:
        raise BadHead("headers_too_large", f"The headers have at most {LARGEST_HEAD_BYTES >> 10} KiB here.")
    coding = request.headers.get("transfer-encoding")
    if coding is not None and coding.strip().lower() != "chunked":
        raise BadHead("parse_error", f"Bodies in the transfer coding {shown.cut(coding, 40)!r} are not read here.")
