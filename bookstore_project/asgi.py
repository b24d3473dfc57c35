"""The ASGI application of every node."""

import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bookstore_project.settings.base")
gc.disable()  # Until all is loaded: nothing of that is garbage, and to look for some takes a tenth of a start.

from django.core.wsgi import get_wsgi_application  # noqa: E402

django_application = get_wsgi_application()

# Apps are ready from here on.
from django.core.signals import request_started  # noqa: E402
from django.db import reset_queries  # noqa: E402
from django.urls import get_resolver  # noqa: E402

from bookstore_project.cluster.process import announce  # noqa: E402
from bookstore_project.nodes import background  # noqa: E402
from bookstore_project.nodes.gateway.messages import Application  # noqa: E402
from bookstore_project.nodes.gateway.replica import ReplicaGateway  # noqa: E402
from bookstore_project.nodes.unhandled_exceptions import Guard  # noqa: E402
from bookstore_project.settings import topology  # noqa: E402

DEFAULT_THREADS = 32


def _settle_in() -> None:
    _ = get_resolver().url_patterns  # Loads the views, which the first request would have to wait for.
    # Queries are noted where DEBUG is on, which it never is: no request has to look through all connections for some.
    request_started.disconnect(reset_queries)
    # What is loaded by now stays for good: the collector need not walk through it again and again.
    gc.collect()
    gc.freeze()
    # What a request leaves behind goes without the collector: it need not look after every few of them.
    gc.set_threshold(20_000, 20, 20)


def _front(threads: int) -> Application:
    from frontend_app import runtime
    from frontend_app.gateway.application import Gateway

    def begin() -> None:
        _settle_in()
        runtime.start()
        announce()

    return Gateway(Guard(django_application), runtime.front, threads=threads, on_start=begin)


def _replica(node: topology.Node) -> Application:
    def begin() -> None:
        _settle_in()
        background.start_all(node.service)
        announce()

    return ReplicaGateway(Guard(django_application), node.threads, on_start=begin)


if topology.NODE and topology.NODE.service != topology.FRONT:
    application = _replica(topology.NODE)
else:
    application = _front(topology.NODE.threads if topology.NODE else DEFAULT_THREADS)

gc.enable()
