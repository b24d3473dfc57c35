"""Django's `runserver`, for one node of the store."""

from typing import Any

from django.contrib.staticfiles.management.commands import runserver
from django.core.management.base import CommandError

from bookstore_project.settings import topology


class Command(runserver.Command):
    help = "Runs one node, named by BOOKSTORE_NODE or --node, on its own address, with autoreload."

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError without a node; an address on the command line wins over the node's own."""
        node = topology.NODE
        if node is None:
            raise CommandError(
                f"Which node? There are {', '.join(topology.NODES)}. Say\n"
                "  BOOKSTORE_NODE=catalog-2 python manage.py runserver    or\n"
                "  python manage.py runserver --node catalog-2\n"
                "The whole store: python manage.py cluster"
            )
        if ":" in node.host:
            self.default_addr_ipv6 = node.host
        else:
            self.default_addr = node.host
        options["addrport"] = options["addrport"] or node.address
        super().handle(*args, **options)
