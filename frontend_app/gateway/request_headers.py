"""What a request's headers say to the fast path, found out once for those that are sent again and again."""

import secrets
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from django.conf import settings

from bookstore_project.api import headers
from bookstore_project.api.request_id import is_acceptable
from bookstore_project.nodes import deadlines
from bookstore_project.nodes.gateway.header_checks import is_too_large
from bookstore_project.nodes.gateway.messages import Incoming, Scope
from frontend_app.cache.memo import Memo
from frontend_app.gateway import response_headers

JSON_ACCEPTED = frozenset(
    {"", "*/*", "application/json", "application/json, */*", "application/json, text/plain, */*"}
)
"""Values of Accept for which the API speaks JSON, whatever else it may speak."""
HEADERS_BYTES, LARGEST_KEPT_BYTES = 4 * 1024 * 1024, 8000
"""Of what is kept: of all, and of one. Larger ones are looked at each time."""
HEADER_BYTES = 150
"""What a header takes beside its bytes: three objects, and a place."""
IDS_MADE = 256
_REQUEST_ID = headers.REQUEST_ID.lower().encode()

Header = tuple[bytes, bytes]


class HeaderSummary(NamedTuple):
    """The headers of a request, but for its id."""

    is_quick: bool
    """No body, an allowed host, no redirection to https, and no wish for anything but the JSON that anybody gets."""
    is_secure: bool
    if_none_match: str
    is_usual: bool
    """Quick, and without a condition."""


class RequestHeaders:
    """For the event loop only: it has no lock."""

    def __init__(self) -> None:
        # An application has one server, and that one scheme: it needn't be part of the key.
        self._memo: Memo[tuple[Header, ...], HeaderSummary] = Memo(HEADERS_BYTES, LARGEST_KEPT_BYTES)
        self.known = self._memo.known
        """By all headers of a request but its id, in their order: none that brings an id is found as it is.

        Quick ones alone: what can't be a hit isn't remembered.
        """
        self.new_ids: Iterator[Header] = chain.from_iterable(iter(_make_ids, []))
        """Without end, and ready to be sent."""

    def of(self, scope: Scope) -> tuple[HeaderSummary, Header]:
        """What the headers say, and the answer's request id: the client's if it is a tame one, else a new one."""
        raw = tuple(scope["headers"])
        head = self.known.get(raw)
        if head is not None:
            return head, next(self.new_ids)
        others = tuple(pair for pair in raw if pair[0] != _REQUEST_ID)
        head = self.known.get(others)
        sent = [value for name, value in raw if name == _REQUEST_ID]
        is_tame = len(sent) == 1 and is_acceptable(sent[0].decode("latin-1"))
        # What is known is short, and so is a tame id: such a hit needn't be measured.
        if not (head and is_tame) and is_too_large(raw):
            return _TOO_LARGE, next(self.new_ids)
        if head is None:
            head = look_at(Incoming.of({**scope, "headers": others}))
            if head.is_quick:
                size_bytes = sum(len(name) + len(value) + HEADER_BYTES for name, value in others)
                self._memo.keep(others, head, size_bytes)
        return head, (_REQUEST_ID, sent[0]) if is_tame else next(self.new_ids)


_TOO_LARGE = HeaderSummary(is_quick=False, is_secure=False, if_none_match="", is_usual=False)


def _make_ids() -> list[Header]:
    """Many at a time: one call to the system."""
    digits = secrets.token_hex(16 * IDS_MADE).encode()
    return [(_REQUEST_ID, digits[start : start + 32]) for start in range(0, len(digits), 32)]


def look_at(request: Incoming) -> HeaderSummary:
    is_quick = not request.has_body and response_headers.is_plain(request) and _wants_json(request.headers)
    if_none_match = request.headers.get("if-none-match", "")
    is_secure, is_usual = response_headers.is_secure(request), is_quick and not if_none_match
    return HeaderSummary(is_quick, is_secure, if_none_match, is_usual)


def _wants_json(sent: dict[str, str]) -> bool:
    if "authorization" in sent or headers.SERVICE_TOKEN.lower() in sent:
        return False  # Wrong credentials are refused, also where none are needed.
    if not deadlines.is_timeout(sent.get(headers.REQUEST_TIMEOUT.lower(), "1")):
        return False
    cookies = sent.get("cookie", "")
    # A session may have to be refreshed or taken back, a token against forgery replaced.
    is_known_to_us = settings.SESSION_COOKIE_NAME in cookies or settings.CSRF_COOKIE_NAME in cookies
    return sent.get("accept", "") in JSON_ACCEPTED and not is_known_to_us
