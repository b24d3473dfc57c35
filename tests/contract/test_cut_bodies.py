"""Bodies that break off, or whose framing makes no sense, sent by hand: refused in words, logged, never executed."""

import json
import socket
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from tests import databases
from tests.client import Shop
from tests.waiting import wait_for

ORDER = b'{"book": 2, "quantity": 1}'
CHUNKED = "Transfer-Encoding: chunked"
WHOLE = b"%x\r\n%s\r\n" % (len(ORDER), ORDER)
LAST = b"0\r\n\r\n"

CUT = {
    "no last chunk": (CHUNKED, WHOLE),
    "half a chunk": (CHUNKED, b"%x\r\n%s" % (len(ORDER) + 5, ORDER)),
    "a bad size after all": (CHUNKED, WHOLE + b"zz\r\n"),
    "a bad size at first": (CHUNKED, b"zz\r\n" + ORDER),
    "a size below zero": (CHUNKED, b"-5\r\n" + ORDER),
    "a size without end": (CHUNKED, b"f" * 18 + b"\r\n" + ORDER),
    "a chunk longer than its size": (CHUNKED, WHOLE[:-2] + b"XX" + LAST),
    "a trailer of nonsense": (CHUNKED, WHOLE + b"0\r\nnonsense\r\n\r\n"),
    "less than its length": ("Content-Length: 99", ORDER),
    "gzip": ("Transfer-Encoding: gzip, chunked", WHOLE + LAST),
    "chunked twice": ("Transfer-Encoding: chunked, chunked", WHOLE + LAST),
    "chunked in two headers": (f"{CHUNKED}\r\n{CHUNKED}", WHOLE + LAST),
}
IN_NO_WORDS = {
    "identity": (f"Transfer-Encoding: identity\r\nContent-Length: {len(ORDER)}", ORDER),
    "two lengths": (f"Content-Length: {len(ORDER)}\r\nContent-Length: {len(ORDER) - 1}", ORDER),
    "a folded header": (f"X-Folded: a\r\n b\r\nContent-Length: {len(ORDER)}", ORDER),
    "a folded coding": ("Transfer-Encoding:\r\n chunked", WHOLE + LAST),
}
"""What the web server refuses before a gateway sees it."""


ENDS_EARLY = ("no last chunk", "half a chunk", "less than its length")
"""Of CUT: where the client has to say that no more will come."""


def send(shop: Shop, node: str, framing: str, body: bytes, *, is_over: bool = False) -> tuple[int, bytes]:
    """Status and body of the answer, to a client that sends nothing more, and with `is_over` says so."""
    head = f"POST /api/v1/orders/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{framing}\r\n\r\n"
    with shop.store.connect(node) as connection:
        connection.sendall(head.encode() + body)
        if is_over:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        with suppress(ConnectionResetError):
            while more := connection.recv(65536):
                answer += more
    start, _, rest = answer.partition(b"\r\n\r\n")
    return int(start.split()[1]), rest


def refused(shop: Shop, node: str, name: str) -> str:
    """The id under which one of CUT was refused."""
    status, told = send(shop, node, *CUT[name], is_over=name in ENDS_EARLY)
    document = json.loads(told)
    assert (status, document["code"]) == (400, "parse_error"), name
    return str(document["request_id"])


def is_in_log(shop: Shop, node: str, sent: Callable[[], str], ids: list[str]) -> bool:
    """Whether one of the requests has its line; asks for another one, as in a flood (`AccessLog`) some have none."""
    ids.append(sent())
    log = shop.store.log(node)
    return any(each in log for each in ids)


@pytest.mark.parametrize("node", ["front", "order-1"])
def test_no_node_executes_a_body_that_breaks_off(shop: Shop, node: str) -> None:
    before = databases.goods(shop.store)
    for name in CUT:
        wait_for(partial(is_in_log, shop, node, partial(refused, shop, node, name), []), what=f"a log line of {name}")
    for name, (framing, body) in IN_NO_WORDS.items():
        assert send(shop, node, framing, body)[0] == 400, name
    assert databases.goods(shop.store) == before


@pytest.mark.parametrize("node", ["front", "order-1"])
def test_a_client_that_is_gone_before_the_last_chunk_has_bought_nothing(shop: Shop, node: str) -> None:
    before = databases.goods(shop.store)
    head = "POST /api/v1/orders/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-Id: {}\r\n{}\r\n\r\n"

    def leave() -> str:
        request_id = f"gone-{uuid.uuid4()}"
        with shop.store.connect(node) as connection:
            connection.sendall(head.format(request_id, CHUNKED).encode() + WHOLE)
        return request_id

    wait_for(partial(is_in_log, shop, node, leave, []), what="its log line")
    assert databases.goods(shop.store) == before


def test_a_replica_takes_a_chunked_body_that_is_whole(shop: Shop) -> None:
    head = f"POST /api/v1/orders/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{CHUNKED}\r\n\r\n"
    with shop.store.connect("order-1") as connection:
        connection.sendall(head.encode() + WHOLE + LAST)
        assert connection.recv(65536).startswith(b"HTTP/1.1 201 ")
