"""Requests that make no sense, each with the answer that it is to get."""

import json
from dataclasses import dataclass
from typing import Any

from tests.client import Request

BOOKS, BOOK, RESTOCK = "/api/v1/books/", "/api/v1/books/1/", "/api/v1/books/1/restock/"
ORDERS, PURCHASE = "/api/v1/orders/", "/purchase/1"
NO_ORDER = "/api/v1/orders/9b2c1e1c-98a3-4d57-8f0e-9f3a6f0c1d2e/"
JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")
KEY = "Idempotency-Key"
MEBIBYTE = 1024 * 1024
CATALOG = frozenset({"front", "catalog"})
ORDER = frozenset({"front", "order"})
ALL = CATALOG | ORDER

STATUS = {
    "validation_error": 400,
    "parse_error": 400,
    "not_authenticated": 401,
    "permission_denied": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "out_of_stock": 409,
    "precondition_failed": 412,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "idempotency_conflict": 422,
}


@dataclass(frozen=True)
class Case:
    """A request, the services it goes to, and the code of the problem that answers it.

    `member` is what the `errors` of a validation error name.
    """

    name: str
    code: str
    request: Request
    services: frozenset[str]
    as_staff: bool = False
    member: str = ""
    has: tuple[str, ...] = ()
    """Headers that the answer has, in lower case."""

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def _json(text: Any) -> bytes:
    return text if isinstance(text, bytes) else json.dumps(text).encode()


def services_of(path: str) -> frozenset[str]:
    return ORDER if path.startswith(("/api/v1/orders", "/purchase")) else CATALOG


def order(name: str, code: str, body: Any, *headers: tuple[str, str], path: str = ORDERS, **expected: Any) -> Case:
    """A purchase; `body` as JSON, or bytes as they are."""
    sent = list(headers) if any(header == "Content-Type" for header, _ in headers) else [JSON, *headers]
    return Case(f"order: {name}", code, Request("POST", path, sent, _json(body)), ORDER, **expected)


def staff(
    name: str, code: str, method: str, path: str, body: Any, *headers: tuple[str, str], **expected: Any
) -> Case:
    """A change by staff."""
    sent = [JSON, *headers]
    request = Request(method, path, sent, None if body is None else _json(body))
    return Case(f"staff: {name}", code, request, services_of(path), as_staff=True, **expected)


def bare(
    name: str,
    code: str,
    method: str,
    path: str,
    *headers: tuple[str, str],
    on: frozenset[str] = frozenset(),
    **more: Any,
) -> Case:
    """A request without a body."""
    return Case(f"{method} {name}", code, Request(method, path, list(headers)), on or services_of(path), **more)
