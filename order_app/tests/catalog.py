"""The catalog as the order service meets it in tests: the real one, without the network between them."""

import threading
from collections.abc import Callable, Mapping
from contextvars import copy_context
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.test.client import ClientHandler, RequestFactory
from django.urls import get_urlconf, set_urlconf

from bookstore_project.api import headers
from bookstore_project.nodes.client import Reply
from bookstore_project.replication.tests.support.replica_files import Rows, rows
from bookstore_project.settings import topology
from order_app import clients
from tests.waiting import PATIENCE_S


class Wire:
    """Stands in for `client.call`: requests reach the catalog's own routes, in this process.

    `before` and `after` are called around each delivery, with the node's name; what they raise is what the caller
    meets. A node named in `replies` gives that answer instead of its own.
    """

    def __init__(self) -> None:
        self._handler = ClientHandler(enforce_csrf_checks=False)
        self._handler.load_middleware()
        self.calls: list[tuple[str, str]] = []
        self.before: Callable[[str], None] = lambda node: None
        self.after: Callable[[str], None] = lambda node: None
        self.replies: dict[str, Reply] = {}
        self._lock = threading.Lock()

    def heal(self) -> None:
        """Nothing happens on the way any more, and checks have found that: who failed is asked again."""
        self.before = self.after = lambda node: None
        for node in topology.replicas(topology.CATALOG):
            for _ in range(2):
                clients.checker_of(node).step()

    def __call__(
        self,
        node: topology.Node,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        extra_headers: Mapping[str, str] | None = None,
        timeout_s: float,
        deadline: float | None = None,
    ) -> Reply:
        with self._lock:
            self.calls.append((node.name, method))
        self.before(node.name)
        if node.name in self.replies:
            return self.replies[node.name]
        sent: dict[str, Any] = {headers.SERVICE_TOKEN: settings.SERVICE_TOKEN, **(extra_headers or {})}
        if deadline is not None:
            sent[headers.DEADLINE] = f"{deadline:.3f}"
        request = RequestFactory().generic(method, path, body or b"", content_type="application/json", headers=sent)
        # Another process has a request id, a pin and so on of its own.
        reply = copy_context().run(self._deliver, request)
        self.after(node.name)
        return reply

    def _deliver(self, request: WSGIRequest) -> Reply:
        mine = get_urlconf()
        request.urlconf = "catalog_app.urls"
        try:
            answer = self._handler.get_response(request)
            assert isinstance(answer, HttpResponse)
        finally:
            set_urlconf(mine)
        return Reply(answer.status_code, answer.headers, answer.content)


def reach(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order service asks this catalog, and waits for it however slow the machine is: a disk may take seconds."""
    # What failed in one test is no news in the next.
    monkeypatch.setattr(clients, "balancer", clients.build_balancer(wire))
    for limit in ("clients.ATTEMPT_TIMEOUT_S", "clients.READ_TIMEOUT_S", "clients.DEADLINE_S", "purchase.DEADLINE_S"):
        monkeypatch.setattr(f"order_app.{limit}", PATIENCE_S)


def sold(book: int) -> int:
    """Copies of a seeded book that have left the shelf."""
    ((copies,),) = rows(
        "catalog-2",
        f"SELECT coalesce(sum(quantity), 0) FROM catalog_app_ledgerentry WHERE kind = 'sale' AND book_id = {book}",
    )
    assert isinstance(copies, int)
    return copies


def sales_and_orders() -> tuple[Rows, Rows]:
    """Order id, book, copies and price: as the ledger has them, and as the orders have them."""
    return (
        rows(
            "catalog-1",
            "SELECT \"order\", book_id, quantity, unit_price, title FROM catalog_app_ledgerentry WHERE kind = 'sale' "
            "ORDER BY id",
        ),
        rows("order-2", "SELECT order_id, book, quantity, unit_price, title FROM order_app_orderline ORDER BY sale"),
    )
