"""Strong entity tags, a hash of the bytes that are sent, and conditional requests (RFC 9110, 8.8.3 and 13.1)."""

import hashlib

from django.http import QueryDict
from django.utils.http import parse_etags, quote_etag
from rest_framework.request import Request

from bookstore_project.api.fields import IF_MATCH_EXTRA


def etag_of(body: bytes) -> str:
    """The tag of a body, quotes included: the same bytes, the same tag, on every node."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def if_match_of(request: Request) -> str | None:
    """What the client says it has seen: by the header, or by what stands for it in a form of the browsable API."""
    sent: str | None = request.headers.get("If-Match")
    if sent is None and isinstance(request.data, QueryDict):
        sent = request.data.get(IF_MATCH_EXTRA)
    return sent


def is_unchanged(if_none_match: str, etag: str) -> bool:
    """Whether `If-None-Match` names the tag, by weak comparison, or any: then the client has the answer already."""
    if not if_none_match or not etag:
        return False
    return if_none_match.strip() == "*" or etag in (tag.removeprefix("W/") for tag in _tags(if_none_match))


def is_matched(if_match: str, etag: str) -> bool:
    """Whether `If-Match` names the tag, by strong comparison, or any."""
    return if_match.strip() == "*" or etag in _tags(if_match)


def _tags(header: str) -> list[str]:
    # Django reads a lone tag without quotes as nothing; curl users write it so.
    return parse_etags(header) or [quote_etag(header.strip())]
