"""Calls from node to node: one pool of connections per node, explicit timeouts, and two kinds of failure.

A call that never left may be made again, anywhere. A call without an answer may have been carried out: only
what is safe to repeat may be made again. Telling the two apart is this module's promise.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import IO, Any

from django.conf import settings
from django.http.request import HttpHeaders

from bookstore_project.api import headers
from bookstore_project.api.request_id import current_request_id
from bookstore_project.nodes import batches, metrics, pools
from bookstore_project.nodes.batches import PREFIX, Part, decode, encode
from bookstore_project.nodes.clocks import Clocks
from bookstore_project.nodes.connections import BrokenOff, Headers, NotConnected
from bookstore_project.nodes.deadlines import HOP_MARGIN_S
from bookstore_project.nodes.pools import Pool
from bookstore_project.settings import tls, topology

CONNECT_TIMEOUT_S = 0.5
POOL_SIZE = 64
"""At least as many connections as a node has threads, so that none waits for one."""
clocks = Clocks()
"""Of the nodes that were called."""


class CallFailed(Exception):
    """There is no answer."""


class NeverSent(CallFailed):
    """The request did not leave: refused, or no connection in time."""


class NoAnswer(CallFailed):
    """The request may have arrived and may have been carried out."""


@dataclass(frozen=True)
class Reply:
    """An answer of another node, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@lru_cache(maxsize=16)
def _pool(host: str, port: int) -> Pool:
    return Pool(host, port, POOL_SIZE, tls.context())


def call(
    node: topology.Node,
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    extra_headers: Mapping[str, str] | None = None,
    timeout_s: float,
    deadline: float | None = None,
    into: IO[bytes] | None = None,
    content_type: str = "application/json",
) -> Reply:
    """Calls another node with the service token and this request's id.

    `timeout_s` bounds the wait for the answer; `deadline` (epoch seconds) shortens it, and is passed on, a margin
    earlier, so that the answer is back in time. Raises NeverSent if the request did not leave, NoAnswer if it may
    have. The body of a 200 goes `into` that file, piece by piece, if there is one, and not into the reply; raises
    NotWritten if the file doesn't take it.
    """
    if deadline is not None:
        timeout_s = min(timeout_s, deadline - time.time())
        if deadline - HOP_MARGIN_S <= time.time():
            raise NeverSent(f"{node.name}: no time left before the deadline")
    sent = {**_own_headers(node, body, content_type, deadline), **(extra_headers or {})}
    began, outcome, asked = time.perf_counter(), "no_answer", time.time()
    try:
        answer = _pool(node.host, node.port).ask(
            method,
            path,
            headers=sent,
            body=body,
            connect_s=min(CONNECT_TIMEOUT_S, timeout_s),
            read_s=timeout_s,
            into=into,
        )
        clocks.hear(node.name, answer.headers.get(headers.CLOCK), asked, time.time())
        outcome = metrics.class_of(answer.status)
        return Reply(answer.status, answer.headers, answer.body)
    except NotConnected as error:
        outcome = "never_sent"
        raise NeverSent(f"{node.name} at {node.address} {error}") from error
    except BrokenOff as error:
        raise NoAnswer(f"{node.name} at {node.address} gave no answer: {error}") from error
    finally:
        took_s = time.perf_counter() - began
        if content_type != batches.CONTENT_TYPE or outcome != "2xx":
            metrics.calls.observe((node.name, method, metrics.resource_of(path), outcome), took_s)


def send(
    node: topology.Node, path: str, *, body: bytes, extra_headers: Mapping[str, str], timeout_s: float
) -> "Sent | None":
    """POSTs as `call` does, if a connection to that node is open, without waiting; None if there is none.

    For something small: it blocks for as long as the node takes nothing, at most `timeout_s`. Raises NoAnswer.
    """
    sent = {**_own_headers(node, body, "application/json", None), **extra_headers}
    began = time.perf_counter()
    try:
        under_way = _pool(node.host, node.port).send("POST", path, headers=sent, body=body, read_s=timeout_s)
    except BrokenOff as error:
        raise NoAnswer(f"{node.name} at {node.address} takes nothing: {error}") from error
    return Sent(node, path, under_way, began) if under_way is not None else None


@dataclass
class Sent:
    """A request that is under way."""

    node: topology.Node
    path: str
    _under_way: pools.Sent
    _began: float

    def reply(self) -> Reply:
        """Waits for it, once. Raises NoAnswer. Its time, as it is measured, ends when somebody asks."""
        outcome = "no_answer"
        try:
            answer = self._under_way.answer()
            outcome = metrics.class_of(answer.status)
            return Reply(answer.status, answer.headers, answer.body)
        except BrokenOff as error:
            raise NoAnswer(f"{self.node.name} at {self.node.address} gave no answer: {error}") from error
        finally:
            labels = self.node.name, "POST", metrics.resource_of(self.path), outcome
            metrics.calls.observe(labels, time.perf_counter() - self._began)


def call_all(
    node: topology.Node, path: str, parts: Sequence[Part], *, timeout_s: float, deadline: float
) -> list[Reply]:
    """POSTs to one route, all of them as one request (`batches`): an answer for each.

    Raises NeverSent or NoAnswer of all together. A node that knows no batches, being of older code, is asked for them
    one by one.
    """
    body = encode((_members(node, part, deadline), part.body) for part in parts)
    began = time.perf_counter()
    reply = call(
        node,
        "POST",
        PREFIX + path,
        body=body,
        timeout_s=timeout_s,
        deadline=deadline,
        content_type=batches.CONTENT_TYPE,
    )
    if reply.status == HTTPStatus.NOT_FOUND:
        return one_by_one(call)(node, path, parts, timeout_s=timeout_s, deadline=deadline)
    if reply.status != HTTPStatus.OK:
        return [reply] * len(parts)
    try:
        replies = [_reply(*frame) for frame in decode(reply.body)]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise NoAnswer(f"{node.name} at {node.address} gave an answer that is none: {error}") from error
    if len(replies) != len(parts):
        raise NoAnswer(f"{node.name} at {node.address} answered {len(replies)} of {len(parts)} requests")
    for each in replies:
        labels = node.name, "POST", metrics.resource_of(path), metrics.class_of(each.status)
        metrics.calls.observe(labels, time.perf_counter() - began)
    return replies


def one_by_one(call: Callable[..., Reply]) -> Callable[..., list[Reply]]:
    """`call_all`, made of calls of a single request each."""

    def call_each(
        node: topology.Node, path: str, parts: Sequence[Part], *, timeout_s: float, deadline: float
    ) -> list[Reply]:
        replies: list[Reply] = []
        for part in parts:
            until = min(deadline, part.deadline)
            try:
                reply = call(
                    node,
                    "POST",
                    path,
                    body=part.body,
                    extra_headers=part.headers,
                    timeout_s=timeout_s,
                    deadline=until,
                )
            except NeverSent as error:
                if replies:
                    raise NoAnswer(f"{node.name} answered {len(replies)} of {len(parts)} requests") from error
                raise
            replies.append(reply)
        return replies

    return call_each


def _own_headers(
    node: topology.Node, body: bytes | None, content_type: str, deadline: float | None
) -> dict[str, str]:
    sent = {headers.SERVICE_TOKEN: settings.SERVICE_TOKEN, headers.REQUEST_ID: current_request_id() or "-"}
    if settings.SECURE_SSL_REDIRECT and settings.SECURE_PROXY_SSL_HEADER:
        name, value = settings.SECURE_PROXY_SSL_HEADER  # As the proxy says: else they are sent there.
        sent[str(HttpHeaders.parse_header_name(name))] = value
    if body is not None:
        sent["Content-Type"] = content_type
    if deadline is not None:
        sent[headers.DEADLINE] = f"{clocks.told(node.name, deadline - HOP_MARGIN_S):.3f}"
    return sent


def _members(node: topology.Node, part: Part, deadline: float) -> dict[str, object]:
    until = clocks.told(node.name, min(deadline, part.deadline) - HOP_MARGIN_S)
    own = {headers.REQUEST_ID: current_request_id() or "-", headers.DEADLINE: f"{until:.3f}"}
    return {"headers": {**own, **part.headers}}


def _reply(members: Mapping[str, Any], body: bytes) -> Reply:
    return Reply(int(members["status"]), Headers.of(members["headers"].items()), body)
