"""All nodes of the store in one process: each with its routes, and an address for every one of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

import pytest
from django.urls import URLPattern, URLResolver, clear_url_caches
from pytest_django.fixtures import Settings

from bookstore_project.settings import topology
from frontend_app.runtime import serving
from frontend_app.tests.support import fakes

URLS = {"front": "bookstore_project.urls", "catalog-1": "catalog_app.urls", "order-1": "order_app.urls"}
VALUES = {
    "<int:book_id>": "1",
    "<path:topic>": "things",
    "<uuid:order_id>": "9b2c1e1c-98a3-4d57-8f0e-9f3a6f0c1d2e",
    "<str:name>": "catalog-1",
    "<str:action>": "kill",
    "<str:kind>": "node",
    "<path:object_id>": "1",
    "<path:content_type_id>": "1",
    "<path:url>": "nowhere",
    "<id>": "1",
}
"""What stands in a route's place for an argument."""


def addresses(urls: str) -> list[str]:
    """One for each route of that module, of the frameworks' own, too."""
    found = dict.fromkeys(_below(import_module(urls).urlpatterns, "/"))
    return [*found, "/no/such/route"]


def _below(patterns: Sequence[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
    for each in patterns:
        text = str(each.pattern).removeprefix("^").removesuffix("$").removesuffix("\\Z")
        for argument, value in VALUES.items():
            text = text.replace(argument, value)
        if isinstance(each, URLResolver):
            yield from _below(each.url_patterns, prefix + text)
        elif "(?P" not in text:
            yield prefix + text


@contextmanager
def being(node: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[fakes.Store]:
    """This process answers as that node; gives what a front's calls arrive at."""
    store = fakes.Store()
    store.put(1, price="10.00", authors="", isbn13=None, quantity=3, version=1)
    settings.ROOT_URLCONF = URLS[node]
    clear_url_caches()
    with monkeypatch.context() as patch, serving(fakes.make_front(store)):
        if node != "front":
            patch.setattr(topology, "NODE", topology.NODES[node])
        yield store
    clear_url_caches()
    fakes.stop_fronts()
