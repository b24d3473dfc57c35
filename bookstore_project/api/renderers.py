"""JSON as bytes that are the same wherever they are made, and the browsable API without outside assets."""

from collections.abc import Mapping
from typing import Any

from django.template import loader
from rest_framework import renderers

from bookstore_project.api import problems


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


class PageLinks:
    """Stands where the browsable API looks for a paginator: links to the pages before and after."""

    display_page_controls = True

    def __init__(self, page: Mapping[str, Any]) -> None:
        self._links = {"previous_url": page["previous"], "next_url": page["next"]}

    def to_html(self) -> str:
        return loader.get_template("rest_framework/pagination/previous_and_next.html").render(self._links)


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
        if isinstance(data, Mapping) and {"next", "previous", "results"} <= data.keys():
            (renderer_context or {})["view"].paginator = PageLinks(data)
        page: str = super().render(data, accepted_media_type, renderer_context)
        return page.replace("<html>", '<html lang="en">', 1)  # Which no block of the framework's template holds.

    def get_context(
        self, data: Any, accepted_media_type: str | None, renderer_context: Mapping[str, Any]
    ) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(data, accepted_media_type, renderer_context)
        context["code_style"] = ""  # With Pygments installed it would be an inline style.
        return context

    def get_default_renderer(self, view: Any) -> renderers.BaseRenderer:
        return JSONRenderer()


def canonical_json(data: Any) -> bytes:
    """The bytes that the API sends for this data: entity tags and cache entries rest on them."""
    return JSONRenderer().render(data)
