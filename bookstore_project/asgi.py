"""The ASGI application of the fronts."""

import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bookstore_project.settings.base")

from django.core.wsgi import get_wsgi_application

django_application = get_wsgi_application()

# Apps are ready from here on.
from django.urls import get_resolver  # noqa: E402

from bookstore_project.cluster.process import announce  # noqa: E402
from bookstore_project.settings import topology  # noqa: E402
from bookstore_project.wire.defects import Guard  # noqa: E402
from frontend_app import runtime  # noqa: E402
from frontend_app.gateway.application import Gateway  # noqa: E402

DEFAULT_THREADS = 32


def _begin() -> None:
    _ = get_resolver().url_patterns  # Loads the views, which the first request would have to wait for.
    # What is loaded by now stays for good: the collector need not walk through it again and again.
    gc.collect()
    gc.freeze()
    # What a request leaves behind goes without the collector: it need not look after every few of them.
    gc.set_threshold(20_000, 20, 20)
    runtime.start()
    announce()


application = Gateway(
    Guard(django_application),
    runtime.front,
    threads=topology.NODE.threads if topology.NODE else DEFAULT_THREADS,
    on_start=_begin,
)
