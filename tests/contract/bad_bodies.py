"""Bodies that make no sense: their fields, their syntax, their size and their type."""

from typing import Any

from tests.client import Request
from tests.contract.bad_values import GOOD_BOOK, NOT_ISBN, NOT_JSON, NOT_OBJECTS, NOT_PRICE, NOT_TEXT, NOT_WHOLE
from tests.contract.cases import (
    BOOK,
    BOOKS,
    FORM,
    JSON,
    MEBIBYTE,
    ORDERS,
    PURCHASE,
    RESTOCK,
    Case,
    bare,
    order,
    services_of,
    staff,
)


def fields() -> list[Case]:
    cases = [
        order(f"book is {name}", "validation_error", {"book": value}, member="book")
        for name, value in NOT_WHOLE.items()
    ]
    quantities = {**NOT_WHOLE, "1001": 1001}
    for name, value in quantities.items():
        cases.append(
            order(f"quantity is {name}", "validation_error", {"book": 1, "quantity": value}, member="quantity")
        )
        cases.append(
            order(
                f"quantity on the path is {name}",
                "validation_error",
                {"quantity": value},
                path=PURCHASE,
                member="quantity",
            )
        )
        if name != "1001":
            cases.append(
                staff(
                    f"restock is {name}", "validation_error", "POST", RESTOCK, {"quantity": value}, member="quantity"
                )
            )
    tables: dict[str, dict[str, Any]] = {
        "title": {**NOT_TEXT, "empty": "", "blank": "  ", "501 letters": "x" * 501},
        "authors": NOT_TEXT,
        "topic": {**NOT_TEXT, "empty": "", "201 letters": "x" * 201},
        "price": NOT_PRICE,
        "isbn13": NOT_ISBN,
        "quantity": {name: value for name, value in NOT_WHOLE.items() if name != "zero"},
    }
    for member, values in tables.items():
        for name, value in values.items():
            for method, path, data in (
                ("POST", BOOKS, {**GOOD_BOOK, member: value}),
                ("PATCH", BOOK, {member: value}),
            ):
                cases.append(
                    staff(f"{method} {member} is {name}", "validation_error", method, path, data, member=member)
                )
    for member in ("id", "version"):
        cases.append(staff(f"{member} is read-only", "validation_error", "PATCH", BOOK, {member: 5}, member=member))
    for member in ("title", "topic", "price"):
        data = {name: value for name, value in GOOD_BOOK.items() if name != member}
        cases.append(staff(f"no {member}", "validation_error", "POST", BOOKS, data, member=member))
    return [
        *cases,
        staff("an unknown field", "validation_error", "POST", BOOKS, {**GOOD_BOOK, "colour": "red"}, member="colour"),
        staff("change of an unknown field", "validation_error", "PATCH", BOOK, {"colour": "red"}, member="colour"),
        staff("no quantity", "validation_error", "POST", RESTOCK, {}, member="quantity"),
        staff(
            "a million and one copies",
            "validation_error",
            "POST",
            RESTOCK,
            {"quantity": 1_000_001},
            member="quantity",
        ),
        order("no book", "validation_error", {"quantity": 1}, member="book"),
        order("nothing", "validation_error", b"", member="book"),
        order("an unknown field", "validation_error", {"book": 1, "price": "0.01"}, member="price"),
        order("an unknown field named oddly", "validation_error", {"book": 1, "\u202e\0": 1}, member="\u202e\0"),
        order("book on the path and in the body", "validation_error", {"book": 2}, path=PURCHASE, member="book"),
    ]


def bodies() -> list[Case]:
    cases = [order(name, "parse_error", body) for name, body in NOT_JSON.items()]
    cases += [order(f"{name} on the path", "parse_error", body, path=PURCHASE) for name, body in NOT_JSON.items()]
    cases += [staff(name, "parse_error", "PATCH", BOOK, body) for name, body in NOT_JSON.items()]
    cases += [order(f"the body is {name}", "validation_error", data) for name, data in NOT_OBJECTS.items()]
    cases += [
        staff(f"the body is {name}", "validation_error", "POST", BOOKS, data if data is not None else b"null")
        for name, data in NOT_OBJECTS.items()
    ]
    padding = b'{"book": 1, "x": "'
    for size in (MEBIBYTE + 1, 2 * MEBIBYTE, 10 * MEBIBYTE):
        body = padding + b"x" * (size - len(padding) - 2) + b'"}'
        name = f"{size / MEBIBYTE:.6g} MiB"
        cases.append(order(name, "payload_too_large", body))
        cases.append(order(f"{name} on the path", "payload_too_large", body, path=PURCHASE))
        for path, method, as_staff in ((ORDERS, "POST", False), (BOOK, "PATCH", True), (BOOKS, "POST", True)):
            cases.append(
                Case(
                    f"{method} {path} {name} in chunks",
                    "payload_too_large",
                    Request(method, path, [JSON], body, is_chunked=True),
                    services_of(path),
                    as_staff,
                )
            )
        cases.append(staff(name, "payload_too_large", "POST", BOOKS, body))
        cases.append(order(f"a form of {name}", "payload_too_large", b"book=" + b"1" * size, FORM))
    return cases


def types() -> list[Case]:
    good = b'{"book": 1}'
    types = (
        "text/plain",
        "application/xml",
        "application/octet-stream",
        "image/png",
        "application/json-patch+json",
        "nonsense",
        "application/",
        "/",
        "*/*",
    )
    cases = [order(f"type {kind}", "unsupported_media_type", good, ("Content-Type", kind)) for kind in types]
    for charset in ("utf-16", "latin-1", "utf-7", "nonsense"):
        kind = ("Content-Type", f"application/json; charset={charset}")
        cases.append(order(f"charset {charset}", "unsupported_media_type", good, kind))
    for coding in ("gzip", "deflate", "br", "gzip, gzip", "nonsense"):
        cases.append(order(f"coding {coding}", "unsupported_media_type", good, ("Content-Encoding", coding)))
        cases.append(
            order(
                f"coding {coding} on the path",
                "unsupported_media_type",
                b"{}",
                ("Content-Encoding", coding),
                path=PURCHASE,
            )
        )
    for accept in ("image/png", "application/xml", "text/csv;q=0.5"):
        for path in (BOOKS, BOOK, "/product/1", "/search/x"):
            cases.append(bare(f"{path} as {accept}", "not_acceptable", "GET", path, ("Accept", accept)))
        cases.append(order(f"bought as {accept}", "not_acceptable", good, ("Accept", accept)))
    return [
        *cases,
        order("a multipart form without a boundary", "parse_error", b"x", ("Content-Type", "multipart/form-data")),
        order(
            "a broken multipart form",
            "validation_error",
            b"--b\r\nnonsense",
            ("Content-Type", "multipart/form-data; boundary=b"),
            member="book",
        ),
        order("a form with a field twice", "validation_error", b"book=1&book=2", FORM, member="book"),
        order("a form with an unknown field", "validation_error", b"book=1&price=0", FORM, member="price"),
        order("a form with a bad number", "validation_error", b"book=%00", FORM, member="book"),
        order("an unknown format", "not_found", good, path=f"{ORDERS}?format=nonsense"),
    ]
