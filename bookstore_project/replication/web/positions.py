"""How an answer says up to where the log went that it is as of: by two of its headers."""

from collections.abc import Mapping
from contextlib import suppress

from bookstore_project.api import headers
from bookstore_project.replication.engine import engine
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.service import get_service


def at(position: int, timeline: str) -> Mapping[str, str]:
    return {headers.LOG_POSITION: str(position), headers.TIMELINE: timeline}


def settled(service: str) -> Mapping[str, str]:
    """For an answer that read nothing: where the service stands, if that can be told."""
    with suppress(Unavailable):
        standing = engine.standing(get_service(service))
        return at(standing.floor, standing.timeline)
    return {}
