"""One process of the usual way, as a WSGI application. Makes its table at the first start."""

from django.core.wsgi import get_wsgi_application
from django.db import connections

from benchmarks.usual_way import nodes
from bookstore_project.cluster import lifeline

lifeline.watch()
application = get_wsgi_application()


def prepare() -> None:
    from benchmarks.usual_way import catalog
    from benchmarks.usual_way.models import Book, Order

    connection = connections[nodes.NODE]
    if not connection.introspection.table_names():
        with connection.schema_editor() as editor:
            editor.create_model(Book if nodes.SERVICE == "catalog" else Order)
        if nodes.SERVICE == "catalog":
            catalog.fill()
    connection.close()


if nodes.SERVICE != "front":
    prepare()
