"""What fronts and order replicas ask every replica all the time, without Django (see `nodes.direct`)."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from bookstore_project.api import internal_paths
from bookstore_project.nodes.direct import Answer, NotUnderstood, Route
from bookstore_project.replication.conf import front_at, replication_settings
from bookstore_project.replication.interface import Poll
from bookstore_project.replication.invalidation import polls
from bookstore_project.replication.invalidation.messages import PollReply
from bookstore_project.replication.router import local_alias
from bookstore_project.replication.service import get_service
from bookstore_project.replication.web.views import LEAST_LEASE_S, LONGEST_ADDRESS, LONGEST_INSTANCE, status_of


def answers(service: str, *, gives_leases: bool) -> Mapping[Route, Answer]:
    """Of a replica of that service; `gives_leases` if fronts poll it."""
    found: dict[Route, Answer] = {("GET", internal_paths.STATUS): lambda body: status_of(service)}
    if gives_leases:
        found["POST", internal_paths.LEASES] = partial(_polled, service)
    return found


def _polled(service: str, body: bytes) -> PollReply:
    return polls.answer(service, local_alias(get_service(service)), poll_of(body))


def poll_of(body: bytes) -> Poll:
    """A front's poll. Raises NotUnderstood for all that `PollInput` refuses, and for some of what it doesn't."""
    try:
        told = json.loads(body)
    except ValueError as error:
        raise NotUnderstood from error
    if not isinstance(told, dict) or told.keys() - {TIMELINE} != _MEMBERS.keys():
        raise NotUnderstood
    if not all(is_right(told[name]) for name, is_right in _MEMBERS.items()):
        raise NotUnderstood
    if not (told.get(TIMELINE) is None or _is_plain(told[TIMELINE], LONGEST_INSTANCE)):
        raise NotUnderstood
    confirmed = told.pop("confirmed")
    return Poll(confirmed=tuple(confirmed) if confirmed else None, **told)


def _is_plain(value: Any, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= most and value.isascii() and value.isprintable()


def _is_address(value: Any) -> bool:
    if not _is_plain(value, LONGEST_ADDRESS):
        return False
    try:
        front_at("", value)
    except ImproperlyConfigured:
        return False
    return True


def _is_confirmation(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, list) and [type(each) for each in value] == [int, str]


TIMELINE = "timeline"
"""That a front of older code leaves out."""
_MEMBERS: dict[str, Callable[[Any], bool]] = {
    "front": lambda value: isinstance(value, str) and value in replication_settings.fronts,
    "address": _is_address,
    "instance": lambda value: _is_plain(value, LONGEST_INSTANCE) and value.replace(".", "").isalnum(),
    "since": lambda value: value is None or (type(value) is int and value >= 0),
    "confirmed": _is_confirmation,
    "is_settling": lambda value: type(value) is bool,
    "lease_s": lambda value: type(value) is float and LEAST_LEASE_S <= value <= replication_settings.lease_s,
}
