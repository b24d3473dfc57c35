"""JSON as bytes that are the same wherever they are made, and the browsable API without outside assets."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.http.request import RawPostDataException
from rest_framework import exceptions, renderers
from rest_framework.request import Request, override_method

from bookstore_project.api import etags, problem_pages, problems


class JSONRenderer(renderers.JSONRenderer):
    """DRF's, with the media type of problem documents where the answer is one."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        response = (renderer_context or {}).get("response")
        # The browsable API asks a JSON renderer for what it shows inside its page, which stays a page.
        if response is not None and response.exception and response.accepted_renderer is self:
            response["Content-Type"] = problems.CONTENT_TYPE
        return super().render(data, accepted_media_type, renderer_context)


class CSVRenderer(JSONRenderer):
    """For views that answer with a file: lets a client ask for CSV. What goes wrong is told as everywhere."""

    media_type = "text/csv"
    format = "csv"


class BrowsableAPIRenderer(renderers.BrowsableAPIRenderer):
    """Forms for what the caller may do, none for what not."""

    template = "api/browsable_api.html"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> str:
        response = (renderer_context or {}).get("response")
        if response is not None:
            # A browser would cover the page, and its link to the login form, with a dialogue of its own.
            response.headers.pop("WWW-Authenticate", None)
        paginator = getattr((renderer_context or {}).get("view"), "paginator", None)
        if paginator is not None and isinstance(data, Mapping) and "results" in data:
            paginator.show(data)
        page: str = super().render(data, accepted_media_type, renderer_context)
        return page.replace("<html>", '<html lang="en">', 1)  # Which no block of the framework's template holds.

    def get_context(
        self, data: Any, accepted_media_type: str | None, renderer_context: Mapping[str, Any]
    ) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(data, accepted_media_type, renderer_context)
        if isinstance(data, Mapping) and context["response"].status_code >= HTTPStatus.BAD_REQUEST:
            sent = str(context["response"].headers.get("Retry-After", ""))
            wait_s = int(sent) if sent.isdecimal() else None
            context["advice"] = problem_pages.advice(str(data.get("code")), wait_s)
            context["problem"] = data
        context["code_style"] = ""  # With Pygments installed it would be an inline style.
        context |= self._patch_form(data, renderer_context)
        return context

    def _patch_form(self, data: Any, renderer_context: Mapping[str, Any]) -> dict[str, Any]:
        """A field for each that a PATCH may change, filled with what is there; the framework has that for PUT alone.

        It carries the entity tag of what it shows: what somebody else has changed since isn't overwritten. After a
        refusal of such a form it holds what was sent.
        """
        view, request, response = (renderer_context[name] for name in ("view", "request", "response"))
        with override_method(view, request, "PATCH") as as_patch:
            if not self.show_form_for_method(view, "PATCH", as_patch, None):
                return {}
        if response.status_code == HTTPStatus.OK and isinstance(data, Mapping):
            shown, etag = view.get_serializer(data), etags.etag_of(canonical_json(data))
        elif request.method == "PATCH" and _is_of_form(sent := _sent(request), view.get_serializer()):
            shown, etag = view.get_serializer(data=sent, partial=True), etags.if_match_of(request) or ""
        else:
            return {}
        return {"patch_form": self.render_form_for_serializer(shown), "patch_etag": etag}

    def get_filter_form(self, data: Any, view: Any, request: Any) -> None:
        """None: lists are filtered by the parameters that the schema names."""

    def get_default_renderer(self, view: Any) -> renderers.BaseRenderer:
        return JSONRenderer()


def _is_of_form(sent: Any, serializer: Any) -> bool:
    """Whether each field was sent; of raw data with some of them, the framework can draw no form."""
    return isinstance(sent, Mapping) and all(
        name in sent for name, field in serializer.fields.items() if not field.read_only
    )


def _sent(request: Request) -> Any:
    """What the client sent, if it can be read."""
    try:
        return request.data
    except (exceptions.APIException, problems.StoreError, RawPostDataException):
        return None


def canonical_json(data: Any) -> bytes:
    """The bytes that the API sends for this data: entity tags and cache entries rest on them."""
    return JSONRenderer().render(data)
