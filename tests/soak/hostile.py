"""Requests that nobody sent before, of every kind that a node might remember something of."""

import base64
import itertools
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

ASTRAL = "%F0%9F%93%9A"
"""A character of which Python keeps four bytes, and makes all others of its string as wide."""
LONG = 60_000
SHORT = 7_000
"""As much as gets past a gateway."""
HEAVY = 1_000_000
"""Bytes of a body nearly as large as one may be."""
TIMEOUT_S = 30.0

JSON = "Content-Type: application/json"
Kind = Callable[[int], bytes]


def get(target: str, *headers: str, host: str = "127.0.0.1") -> bytes:
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", *headers, "Connection: close", "", ""]
    return "\r\n".join(lines).encode()


def post(target: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {target} HTTP/1.1", "Host: 127.0.0.1", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


def buy(body: bytes) -> bytes:
    return post("/api/v1/orders/", body, JSON)


def _basic(number: int) -> str:
    return base64.b64encode(f"user-{number}:{'x' * 3000}".encode()).decode()


KINDS: dict[str, Kind] = {
    "long paths": lambda n: get(f"/{n}{'x' * LONG}{ASTRAL}"),
    "paths as long as may be": lambda n: get(f"/{n}{'x' * SHORT}{ASTRAL}"),
    "long topics": lambda n: get(f"/search/{n}{'x' * SHORT}{ASTRAL}"),
    "unknown topics": lambda n: get(f"/search/{n}{ASTRAL * 150}"),
    "long queries": lambda n: get(f"/product/1?{n}={'x' * LONG}"),
    "queries as long as may be": lambda n: get(f"/product/1?{n}={'x' * SHORT}"),
    "pages in many spellings": lambda n: get(f"/search/distributed%20systems?page=1{'&' * (n % 6000)}&page_size={n}"),
    "unknown books": lambda n: get(f"/product/{1_000_000 + n}"),
    "words to search for": lambda n: get(f"/api/v1/books/?search={n}{'x' * 150}&{n}={'y' * 5000}"),
    "pages of the browsable API": lambda n: get(f"/api/v1/books/?{n}={'y' * 6000}", "Accept: text/html"),
    "long hosts": lambda n: get("/product/1", host=f"{n}{'x' * LONG}.example"),
    "hosts as long as may be": lambda n: get("/product/1", host=f"{n}{'x' * SHORT}.example"),
    "ports of the host": lambda n: get("/product/1", host=f"127.0.0.1:{n % 65535}"),
    "long headers": lambda n: get("/product/1", f"X-{n}: {'x' * LONG}"),
    "headers as long as may be": lambda n: get("/product/1", f"X-{n}: {'x' * SHORT}"),
    "many headers": lambda n: get("/product/1", *[f"X-{n}-{place}: {place}" for place in range(80)]),
    "cookies": lambda n: get("/", f"Cookie: sessionid-front={n}{'x' * 3000}; csrftoken-front={n}; {n}=1"),
    "entity tags": lambda n: get("/product/1", f'If-None-Match: "{n}{"x" * SHORT}"'),
    "representations": lambda n: get("/product/1", f"Accept: application/{n}{'x' * SHORT}, */*;q=0.{n}"),
    "languages": lambda n: get("/", f"Accept-Language: x{n}-{'y' * SHORT}, en;q=0.{n}"),
    "request ids": lambda n: get("/nothing", f"X-Request-Id: {n}{'x' * 100}"),
    "origins": lambda n: post("/purchase/1", b"{}", JSON, f"Origin: http://{n}{'x' * SHORT}.example", "X-A: 1"),
    "passwords": lambda n: get("/api/v1/orders/", f"Authorization: Basic {_basic(n)}"),
    "tokens": lambda n: get("/api/v1/orders/", f"Authorization: Token {n}{'x' * SHORT}"),
    "keys": lambda n: post("/purchase/999999", b"{}", JSON, f"Idempotency-Key: {n:020}{'x' * 230}"),
    "names of members": lambda n: post("/purchase/1", b'{"%d%s": 1}' % (n, b"x" * SHORT), JSON),
    "large bodies": lambda n: post("/purchase/1", b'{"a%d": "%s"}' % (n, b"x" * 200_000), JSON),
    "long numbers": lambda n: buy(b'{"book":1,"quantity":"%d%s"}' % (n, b"9" * HEAVY)),
    "prices with a million digits": lambda n: buy(b'{"book":1,"unit_price":%d.%s}' % (n, b"9" * HEAVY)),
    "wrong lines": lambda n: buy(b'{"lines":[%s%d]}' % (b"[]," * (HEAVY // 3), n)),
    "as many wrong lines as may be": lambda n: buy(b'{"lines":[%s%d]}' % (b"[]," * 20_000, n)),
    "many names": lambda n: buy(b'{"book":1,%s}' % b",".join(b'"k%d":%d' % (each, n) for each in range(40_000))),
    "forms": lambda n: post(
        "/purchase/1", b"%d=%s" % (n, b"x" * SHORT), "Content-Type: application/x-www-form-urlencoded"
    ),
    "boundaries": lambda n: post("/purchase/1", b"--x\r\n", f"Content-Type: multipart/form-data; boundary={n}x"),
    "content types": lambda n: post("/purchase/1", b"x", f"Content-Type: application/{n}{'x' * SHORT}"),
    "methods": lambda n: f"BREW{n}{'X' * 1000} /product/1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode(),
    "files": lambda n: get(f"/static/{n}{'x' * SHORT}"),
    "pages of the admin": lambda n: get(f"/admin/{n}{'x' * SHORT}", "Accept: text/html"),
    "half bodies": lambda n: post("/purchase/1", b"", f"X-Half: {n}")[:-4] + b"\r\nContent-Length: 99\r\n\r\n{",
}


QUICK = ("long paths", "long queries", "long hosts", "long headers", "unknown topics", "ports of the host")
"""Of KINDS: those that cost a node next to no time, so that many can be sent."""

HEAVY_KINDS = ("long numbers", "prices with a million digits")


def requests(kinds: Iterable[str]) -> Iterator[bytes]:
    """Without end, kind after kind, no two alike."""
    for number in itertools.count(1):
        for kind in kinds:
            yield KINDS[kind](number)


def send(address: tuple[str, int], request: bytes) -> bool:
    """Whether there was an answer, whichever."""
    with suppress(OSError), socket.create_connection(address, TIMEOUT_S) as connection:
        connection.sendall(request)
        if request.endswith(b"{"):
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while more := connection.recv(65536):
            answer = answer or more
            if request.startswith(b"BREW"):
                break  # It didn't ask for the connection to be closed.
        return answer.startswith(b"HTTP/1.1 ")
    return False
