"""HTTP from node to node: one connection pool per process, explicit timeouts, and two kinds of failure.

A call that never left may be made again, anywhere. A call without an answer may have been carried out: only
what is safe to repeat may be made again. Telling the two apart is this module's promise.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout, RequestException
from urllib3.exceptions import MaxRetryError, NewConnectionError

from bookstore_project.settings import topology
from bookstore_project.wire import headers
from bookstore_project.wire.request_id import current_request_id

CONNECT_TIMEOUT_S = 0.5
POOL_SIZE = 64
"""At least as many connections as a node has threads, so that none waits for one."""


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


@cache
def _adapter() -> HTTPAdapter:
    return HTTPAdapter(pool_connections=16, pool_maxsize=POOL_SIZE, max_retries=0)


def call(
    node: topology.Node,
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    extra_headers: Mapping[str, str] | None = None,
    timeout_s: float,
    deadline: float | None = None,
) -> Reply:
    """Calls another node with the service token and this request's id.

    `timeout_s` bounds the wait for the answer; `deadline` (epoch seconds) is passed on and shortens it. Raises
    NeverSent if the request did not leave, NoAnswer if it may have.
    """
    if deadline is not None:
        timeout_s = min(timeout_s, deadline - time.time())
        if timeout_s <= 0:
            raise NeverSent(f"{node.name}: no time left before the deadline")
    prepared = requests.Request(method, node.url + path, data=body).prepare()
    prepared.headers.update(
        {headers.SERVICE_TOKEN: settings.SERVICE_TOKEN, headers.REQUEST_ID: current_request_id() or "-"}
    )
    if body is not None:
        prepared.headers["Content-Type"] = "application/json"
    if deadline is not None:
        prepared.headers[headers.DEADLINE] = f"{deadline:.3f}"
    prepared.headers.update(extra_headers or {})
    try:
        answer = _adapter().send(
            prepared, timeout=(min(CONNECT_TIMEOUT_S, timeout_s), timeout_s), proxies=None, stream=False
        )
        return Reply(answer.status_code, answer.headers, answer.content)
    except RequestException as error:
        if _never_left(error):
            raise NeverSent(f"{node.name} at {node.address} refuses connections") from error
        raise NoAnswer(f"{node.name} at {node.address} gave no answer: {error}") from error


def _never_left(error: RequestException) -> bool:
    if isinstance(error, ConnectTimeout):
        return True
    cause = error.args[0] if isinstance(error, RequestsConnectionError) and error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
