"""How a relayed answer looks in the browsable API: parsed."""

import json
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.serializer_helpers import ReturnDict

from bookstore_project.api import errors, problem_pages, problems
from bookstore_project.api.renderers import BrowsableAPIRenderer
from bookstore_project.nodes.json_documents import json_object
from frontend_app.responses import Relay


def render(relay: Relay, request: Request, view: Any) -> HttpResponseBase:
    """The replica's bytes for machines, a page for people."""
    accepted = getattr(request, "accepted_renderer", None)
    response: HttpResponseBase
    if relay.status >= HTTPStatus.BAD_REQUEST and _lacks_page(request, view):
        told = json_object(relay.body)
        code = told["code"] if told.get("code") in problems.TITLES else "internal_error"
        response = errors.refusal(request._request, code, str(told.get("detail", "")))
    elif not isinstance(accepted, BrowsableAPIRenderer):
        response = HttpResponse(
            relay.body, status=relay.status, content_type=relay.content_type if relay.body else None
        )
        if not relay.body:
            del response["Content-Type"]
    else:
        response = Response(_page_data(relay, request, view), status=relay.status)
    for name, value in relay.headers.items():
        response[name] = value
    return response


def _lacks_page(request: Request, view: Any) -> bool:
    """Whether the client prefers a page where the view makes none, as of a file."""
    return not errors.shows_problems(view) and problem_pages.is_wanted(request.headers.get("Accept", ""))


def _page_data(relay: Relay, request: Request, view: Any) -> Any:
    data = json.loads(relay.body) if relay.body else None
    is_page = isinstance(data, dict) and "results" in data
    if isinstance(data, dict) and not is_page and request.method == "GET" and relay.status == 200:
        # With its serializer, the form for a change shows what is there now.
        return ReturnDict(data, serializer=_bound(view.get_serializer(), data))
    return data


def _bound(form: serializers.Serializer[Any], data: dict[str, Any]) -> serializers.Serializer[Any]:
    form.instance = data
    return form
