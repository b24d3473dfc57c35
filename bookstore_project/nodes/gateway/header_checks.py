"""What a request's head must not be: too long, in an odd transfer coding, or in other letters than UTF-8."""

from collections.abc import Iterable
from itertools import chain

from django.utils.http import parse_header_parameters

from bookstore_project.api.same_origin import SAFE_METHODS
from bookstore_project.nodes import redaction
from bookstore_project.nodes.gateway.messages import Incoming

LONGEST_TARGET = 8192
"""Bytes of path and query (RFC 9110, 4.1, asks for 8,000). It bounds what remembers addresses, in libraries too."""
LARGEST_HEAD_BYTES = 32 * 1024
"""Of all headers together."""
UTF_8 = frozenset({"utf-8", "utf8"})


class BadHeaders(Exception):
    """The request is refused before its body is read; `code` is the problem's."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


def check_headers(request: Incoming) -> None:
    """Raises BadHeaders.

    Of a transfer coding the server takes off `chunked` alone. A body in another one isn't what its sender meant
    (RFC 9112, 6.1), and `chunked` twice is sent by nobody who means well.
    """
    raw: bytes = request.scope.get("raw_path") or request.path.encode("utf-8", "surrogatepass")
    if len(raw) + len(request.query) > LONGEST_TARGET:
        raise BadHeaders("uri_too_long", f"An address has at most {LONGEST_TARGET} bytes here, its query included.")
    if is_too_large(request.scope["headers"]):
        raise BadHeaders("headers_too_large", f"The headers have at most {LARGEST_HEAD_BYTES >> 10} KiB here.")
    coding = request.headers.get("transfer-encoding")
    if coding is not None and coding.strip().lower() != "chunked":
        raise BadHeaders(
            "parse_error", f"Bodies in the transfer coding {redaction.cut(coding, 40)!r} are not read here."
        )
    if is_telling(request.method, has_body=request.has_body):
        check_content_type(request.headers.get("content-type", ""))


def is_too_large(raw: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the headers have more than LARGEST_HEAD_BYTES."""
    return len(b"".join(chain.from_iterable(raw))) > LARGEST_HEAD_BYTES


def is_telling(method: str, *, has_body: bool) -> bool:
    """Whether a request's Content-Type says anything: without a body, a read's is ignored."""
    return has_body or method not in SAFE_METHODS


def check_content_type(text: str) -> None:
    """Raises BadHeaders for a character set other than UTF-8, and for parameters in one that nobody knows (RFC 2231).

    Django would read addresses and forms by it, in whatever Python has a codec for: some change the values, some
    break.
    """
    try:
        _, parameters = parse_header_parameters(text)
    except (LookupError, ValueError) as error:
        raise BadHeaders("unsupported_media_type", "The Content-Type can't be read.") from error
    if parameters.get("charset", "utf-8").strip().lower() not in UTF_8:
        raise BadHeaders("unsupported_media_type", "Bodies are read in UTF-8 only.")
