"""A page for people whose replica can't show it now: the reason, and the same page at the other one."""

from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from bookstore_project.api.problems import RETRY_AFTER_S, StoreError
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.engine import engine
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.router import local_alias
from bookstore_project.replication.service import get_service
from bookstore_project.settings import tls


@dataclass(frozen=True)
class Elsewhere:
    """The same page at another node."""

    node: str
    url: str


def others_in_sync(service_name: str, request: HttpRequest) -> list[Elsewhere]:
    """Where the page of this request can be had instead; nowhere, if no other replica is in sync.

    Nor among hosts with certificates: a browser has none. It comes through a proxy that knows who is ready.
    """
    if tls.CERTIFICATES:
        return []
    service = get_service(service_name)
    here = local_alias(service)
    with suppress(Unavailable):
        # Built from the settings, not from the Host header: only the path is the request's.
        return [
            Elsewhere(alias, f"{replication_settings.url(alias)}{request.get_full_path()}")
            for alias in engine.standing(service).trusted
            if alias != here
        ]
    return []


def refusal(
    service_name: str, request: HttpRequest, error: Unavailable | OutcomeUnknown, context: dict[str, Any]
) -> HttpResponse:
    """503 as a page of the admin; `context` is the admin site's."""
    response = TemplateResponse(
        request,
        "admin/replica_refusal.html",
        {
            **context,
            "title": _title(request, error),
            "reason": error.detail,
            "others": others_in_sync(service_name, request),
        },
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )
    return response.render()


def _title(request: HttpRequest, error: StoreError) -> str:
    if isinstance(error, OutcomeUnknown):
        return "It isn't known whether this was done"
    if request.method in ("GET", "HEAD"):
        return "This replica can't show this page now"
    return "This wasn't done: nothing was changed"
