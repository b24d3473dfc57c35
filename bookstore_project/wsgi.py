"""The WSGI application of every node under `runserver`, and under a WSGI server."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bookstore_project.settings.base")

from django.core.wsgi import get_wsgi_application

from bookstore_project.api.wsgi_bodies import WholeBodies
from bookstore_project.cluster.process import announce
from bookstore_project.nodes import background
from bookstore_project.nodes.gateway.batches import Batches
from bookstore_project.nodes.unhandled_exceptions import Guard
from bookstore_project.settings import topology

application = Guard(WholeBodies(Batches(get_wsgi_application())))
announce()

if topology.NODE and topology.NODE.service == topology.FRONT:
    from frontend_app import runtime

    runtime.start()
elif topology.NODE:
    background.start_all(topology.NODE.service)
