"""The ASGI application of every node."""

import gc
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bookstore_project.nodes.gateway.messages import Application
    from bookstore_project.nodes.gateway.threads import WSGIApplication

DEFAULT_THREADS = 32


def _build() -> "Application":
    """Loads Django's apps before all that needs them."""
    from django.core.wsgi import get_wsgi_application

    django_application = get_wsgi_application()

    from bookstore_project.cluster.process import announce
    from bookstore_project.nodes import background
    from bookstore_project.nodes.gateway.replica import ReplicaGateway
    from bookstore_project.nodes.unhandled_exceptions import Guard
    from bookstore_project.settings import topology

    node = topology.NODE
    if node and node.service != topology.FRONT:
        from bookstore_project.nodes.direct import Direct
        from bookstore_project.nodes.gateway.batches import Batches
        from bookstore_project.replication.web import direct

        is_catalog = node.service == topology.CATALOG
        inner: WSGIApplication = Direct(django_application, direct.answers(node.service, gives_leases=is_catalog))
        if is_catalog:
            from bookstore_project.replication.web.direct_reads import DirectReads
            from catalog_app.direct import BOOKS

            inner = DirectReads(inner, BOOKS)
        application = Guard(Batches(inner))

        def begin() -> None:
            _settle_in()
            background.start_all(node.service)
            announce()

        return ReplicaGateway(application, node.threads, on_start=begin)

    from frontend_app import runtime
    from frontend_app.gateway.application import Gateway
    from frontend_app.gateway.direct_purchases import DirectPurchases
    from frontend_app.gateway.direct_reads import DirectBooks
    from frontend_app.gateway.stopping import on_signal_to_stop

    def begin_front() -> None:
        _settle_in()
        runtime.start()
        on_signal_to_stop(gateway.end_streams)
        announce()

    threads = node.threads if node else DEFAULT_THREADS
    guarded = Guard(DirectPurchases(DirectBooks(django_application)))
    gateway = Gateway(guarded, runtime.front, threads=threads, on_start=begin_front)
    return gateway


def _settle_in() -> None:
    from django.core.signals import request_started
    from django.db import reset_queries
    from django.urls import get_resolver

    from bookstore_project.nodes import garbage

    _ = get_resolver().url_patterns  # Loads the views, which the first request would have to wait for.
    # Queries are noted where DEBUG is on, which it never is: no request has to look through all connections for some.
    request_started.disconnect(reset_queries)
    garbage.settle_in()


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bookstore_project.settings.base")
gc.disable()  # Until all is loaded: nothing of that is garbage, and to look for some takes a tenth of a start.
application = _build()
gc.enable()
