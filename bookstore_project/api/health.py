"""Liveness, readiness and metrics, on every node."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import prometheus_client
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from bookstore_project.api import errors, problems
from bookstore_project.settings import topology

ReadinessCheck = Callable[[], None]
_checks: list[ReadinessCheck] = []


def register_readiness(check: ReadinessCheck) -> None:
    """`/readyz` answers 503 while `check` raises StoreError; its detail says why."""
    if check not in _checks:
        _checks.append(check)


def read_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view for GET and HEAD; a problem for other methods, before anybody asks them for a CSRF token."""

    @csrf_exempt
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            return view(request, *args, **kwargs)
        return errors.forbidden_method(request, "GET", "HEAD")

    return wrapped


def node_name() -> str:
    return topology.NODE.name if topology.NODE else ""


@read_only
def live(request: HttpRequest) -> HttpResponse:
    """The process answers: nothing more."""
    return JsonResponse({"status": "ok", "node": node_name()})


@read_only
def ready(request: HttpRequest) -> HttpResponse:
    """200 if this node can keep the store's promises now, else 503 with the reason."""
    try:
        for check in _checks:
            check()
    except problems.StoreError as error:
        return errors.refusal(request, error.code, error.detail, **error.extra)
    return JsonResponse({"status": "ready", "node": node_name()})


@read_only
def no_icon(request: HttpRequest) -> HttpResponse:
    """What browsers ask every site for, pages of frameworks among them: there is none, and that is no error."""
    return HttpResponse(status=204)


@read_only
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text exposition; OpenMetrics for whoever asks for it."""
    encode, content_type = prometheus_client.exposition.choose_encoder(request.headers.get("Accept", ""))
    response = HttpResponse(encode(prometheus_client.REGISTRY), content_type=content_type)
    response["Vary"] = "Accept"
    return response
