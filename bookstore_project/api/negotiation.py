"""What a client accepts, and which parser reads a body: none for a coding, or a range of types, to be guessed."""

from collections.abc import Iterable

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from bookstore_project.api import problems

_SHOWN = 40


class StrictContentNegotiation(DefaultContentNegotiation):
    """DRF's, for bodies that say plainly what they are, and clients that needn't say what they accept."""

    def get_accept_list(self, request: Request) -> list[str]:
        """An empty Accept header says as little as none (RFC 9110, 12.5.1)."""
        if not request.headers.get("Accept", "*/*").strip():
            return ["*/*"]
        accepted: list[str] = super().get_accept_list(request)
        return accepted

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """None (415) for `*/*` as the type of a body; raises UnsupportedEncoding for a compressed one."""
        coding = request.headers.get("Content-Encoding", "identity").strip().lower()
        if coding != "identity":
            raise problems.UnsupportedEncoding(
                f"Bodies in the coding {coding[:_SHOWN]!r} are not read here: send it plain."
            )
        if "*" in (request.content_type or ""):
            return None
        return super().select_parser(request, parsers)
