"""JSON as bytes that are the same wherever they are made, and the browsable API without outside assets."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from rest_framework import renderers

from bookstore_project.api import problem_pages, problems


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
        return context

    def get_filter_form(self, data: Any, view: Any, request: Any) -> None:
        """None: lists are filtered by the parameters that the schema names."""

    def get_default_renderer(self, view: Any) -> renderers.BaseRenderer:
        return JSONRenderer()


def canonical_json(data: Any) -> bytes:
    """The bytes that the API sends for this data: entity tags and cache entries rest on them."""
    return JSONRenderer().render(data)
