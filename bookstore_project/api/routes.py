"""Routes that answer with and without a trailing slash, and those that every node has."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, include, path
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView

from bookstore_project.api import health
from bookstore_project.settings import topology

INDEX_TITLES = {topology.CATALOG: "Books and stock", topology.ORDER: "Orders"}
"""Of the admin's first page, by the service whose rows it shows."""


def route(pattern: str, view: Callable[..., Any], name: str | None = None) -> list[URLPattern]:
    """The pattern in both spellings, neither of which redirects; the name stands for the one written."""
    other = pattern[:-1] if pattern.endswith("/") else pattern + "/"
    return [path(other, view), path(pattern, view, name=name)]


def loaded_when_asked(view: str) -> Callable[..., HttpResponseBase]:
    """A view class of the API by its dotted name, for what is seldom asked for and takes long to load."""

    @csrf_exempt  # As all views of the API: they check by themselves.
    def answer(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        answered: HttpResponseBase = import_string(view).as_view()(request, **kwargs)
        return answered

    return answer


def common_routes() -> list[URLPattern | URLResolver]:
    """Health, metrics, schema, its page, and the login of the browsable API."""
    return [
        *route("healthz", health.live, "live"),
        *route("readyz", health.ready, "ready"),
        *route("metrics", health.metrics, "metrics"),
        path("favicon.ico", health.no_icon),
        *route("api/schema/", loaded_when_asked("bookstore_project.api.docs.SchemaView"), "schema"),
        *route("api/docs/", loaded_when_asked("bookstore_project.api.docs.DocsView"), "docs"),
        # Before the framework's own, which shows a page of the admin's: a front has none.
        path("api-auth/logout/", LogoutView.as_view(next_page="rest_framework:login")),
        path("api-auth/", include("rest_framework.urls")),
    ]


def admin_routes() -> list[URLPattern | URLResolver]:
    """The admin, which says whose it is: a browser may have several open."""
    admin.site.site_header = admin.site.site_title = f"{settings.SHOP_NAME} {health.node_name()}".strip()
    service = topology.NODE.service if topology.NODE else ""
    admin.site.index_title = INDEX_TITLES.get(service, "Stock and orders")
    return [path("admin", RedirectView.as_view(url="/admin/")), path("admin/", admin.site.urls)]
