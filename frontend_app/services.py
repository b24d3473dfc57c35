"""What a front does for its clients: reads through the cache, purchases, and staff's changes."""

from collections.abc import Mapping, Sequence
from typing import IO
from urllib.parse import parse_qsl, quote, urlencode

from bookstore_project.api import headers, idempotency, internal_paths, problems
from bookstore_project.api.cached_resources import BOOK, ONLY, TOPIC, TOPICS, CachedResource
from bookstore_project.api.representations import MAX_BOOK_ID
from bookstore_project.nodes import drains, redaction
from bookstore_project.nodes.balancing.circuit_breaker import State
from bookstore_project.settings.topology import FRONT, NODES, Node
from frontend_app import responses
from frontend_app.cache.keys import key_of
from frontend_app.clients import Upstream
from frontend_app.responses import Relay
from frontend_app.runtime import Front

FORMAT = "format"
"""The query parameter by which the browsable API chooses a representation: the front's own affair."""


def read(front: Front, resource: CachedResource, text: str, query: str = "") -> Relay:
    """A cached answer, by the value that its address names.

    Raises NotFound, without asking, for a value that no answer can have, Unavailable if no replica answers.
    """
    value = resource.value_of(text)  # One entry for all that look the same, and links that lead to it.
    if value is None:
        raise problems.NotFound(f"There is no {resource.name} {redaction.cut(text, 40)}.")
    query = _without_format(query) if resource.has_pages else ""
    path = _with_query(resource.path(value), query)
    key = key_of(resource, value, query)
    if key is None:
        return _read_past_cache(front, front.catalog, path)
    outcome, entry = front.reads.read(key.entry, key.floor, lambda: responses.fetched(front.catalog.read(path)))
    return responses.from_entry(outcome, entry)


def read_book(front: Front, book_id: int) -> Relay:
    return read(front, BOOK, str(book_id))


def read_titles(front: Front, topic: str, query: str) -> Relay:
    return read(front, TOPIC, topic, query)


def list_topics(front: Front, query: str = "") -> Relay:
    return read(front, TOPICS, ONLY, query)


def list_books(front: Front, query: str) -> Relay:
    """A page of books, prices and all: never cached. Raises Unavailable."""
    return _read_past_cache(front, front.catalog, _with_query("/api/v1/books/", _without_format(query)))


def read_order(front: Front, order_id: str) -> Relay:
    return _read_past_cache(front, front.order, f"/api/v1/orders/{order_id}/")


def read_orders(front: Front, ids: Sequence[str]) -> Relay:
    """Several orders in short, as a page shows them together; without those that aren't written."""
    return _read_past_cache(front, front.order, f"{internal_paths.ORDERS}?ids={','.join(ids)}")


def list_orders(front: Front, query: str, *, username: str) -> Relay:
    return read_as_staff(front, front.order, "/api/v1/orders/", query, username=username)


def read_day(front: Front, query: str, *, username: str) -> Relay:
    """What was sold on a day. Raises Unavailable."""
    return read_as_staff(front, front.order, "/api/v1/orders/day/", query, username=username)


def export_orders(front: Front, query: str, into: IO[bytes], *, username: str) -> Relay:
    """Orders and their lines as CSV: the file goes `into` one; what is wrong is in the answer. Raises Unavailable."""
    front.reads.count("bypass")
    path = _with_query("/api/v1/orders/export/", _without_format(query))
    extra = {headers.ACTING_USER: quote(username), "Accept": "text/csv"}
    return responses.from_answer(front.order.download(path, into, extra))


def book_history(front: Front, book_id: int, query: str, *, username: str) -> Relay:
    """A page of what was changed of a book. Raises NotFound, Unavailable."""
    check_book_id(book_id)
    return read_as_staff(front, front.catalog, f"/api/v1/books/{book_id}/history/", query, username=username)


def read_as_staff(front: Front, upstream: Upstream, path: str, query: str, *, username: str) -> Relay:
    """What only staff may see, for whom the front has checked that. Raises Unavailable."""
    extra = {headers.ACTING_USER: quote(username)}
    return _read_past_cache(front, upstream, _with_query(path, _without_format(query)), extra)


def purchase(front: Front, body: bytes, *, key: str | None) -> Relay:
    """Buys what the JSON says, once per key; without a key from the client the front makes one.

    Raises Invalid for a key that is none, Unavailable, OutcomeUnknown.
    """
    own_key = None if idempotency.checked_key(key) else idempotency.new_key()
    answer = front.order.purchase(body, key or own_key or "", is_own_key=own_key is not None)
    relay = responses.from_answer(answer)
    if own_key is not None:
        # The client asked once: if anybody repeated it, it was the front.
        relay.headers.pop(headers.IDEMPOTENT_REPLAYED, None)
    return relay


def order_history(front: Front, order_id: str, *, username: str) -> Relay:
    path = f"/api/v1/orders/{order_id}/history/"
    return _read_past_cache(front, front.order, path, {headers.ACTING_USER: quote(username)})


def change_order(front: Front, path: str, body: bytes, *, username: str, key: str | None) -> Relay:
    """A change of an order by staff, once per key; without a key from the client the front makes one.

    Raises Invalid for a key that is none, Unavailable, OutcomeUnknown.
    """
    own_key = None if idempotency.checked_key(key) else idempotency.new_key()
    extra = {headers.ACTING_USER: quote(username)}
    relay = responses.from_answer(front.order.change_order(path, body, key or own_key or "", extra))
    if own_key is not None:
        relay.headers.pop(headers.IDEMPOTENT_REPLAYED, None)
    return relay


def change_catalog(
    front: Front, method: str, path: str, body: bytes | None, *, username: str, sent: Mapping[str, str]
) -> Relay:
    """A change by staff. `sent` holds the client's headers, of which some go on with it.

    Raises Invalid for an idempotency key that is none, Unavailable, OutcomeUnknown.
    """
    idempotency.checked_key(sent.get(headers.IDEMPOTENCY_KEY))
    extra = {headers.ACTING_USER: quote(username)}
    extra |= {name: sent[name] for name in (headers.IDEMPOTENCY_KEY, "If-Match") if name in sent}
    return responses.from_answer(front.catalog.write(method, path, body, extra))


def drain(front: Front, name: str, *, username: str, is_forced: bool) -> None:
    """Takes a replica out of the rotation of all fronts, of this one at once.

    Raises NotFound, Invalid for a front, Conflict for the last replica (unless forced), Unavailable.
    """

    def is_answering(node: Node) -> bool:
        return front.breakers.of(node).state is not State.OPEN

    drains.drain(_replica_named(name), by=username, is_answering=is_answering, is_forced=is_forced)
    front.drains.look()


def undrain(front: Front, name: str) -> None:
    """Lets a drained replica take its turns again. Raises NotFound, Invalid for a front, Unavailable."""
    drains.undrain(_replica_named(name))
    front.drains.look()


def _replica_named(name: str) -> Node:
    """A front is drained by `manage.py drain` on its host: whoever asks here may be asking through it."""
    if (node := node_named(name)).service == FRONT:
        raise problems.Invalid({"name": [f"{node.name} is a front: only replicas can be drained here."]})
    return node


def node_named(name: str) -> Node:
    if name not in NODES:
        raise problems.NotFound(f"No node is named {name[:100]!r}. There are {', '.join(NODES)}.")
    return NODES[name]


def check_book_id(book_id: int) -> None:
    if not 1 <= book_id <= MAX_BOOK_ID:
        raise problems.NotFound(f"There is no book {redaction.cut(str(book_id), 40)}.")


def _read_past_cache(front: Front, upstream: Upstream, path: str, extra: Mapping[str, str] | None = None) -> Relay:
    front.reads.count("bypass")
    return responses.from_answer(upstream.read(path, extra))


def _with_query(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def _without_format(query: str) -> str:
    if FORMAT not in query:
        return query
    return urlencode([pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != FORMAT])
