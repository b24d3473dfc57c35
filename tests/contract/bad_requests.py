"""Requests that make no sense whatever their body: methods, credentials, keys, addresses, queries."""

from tests.contract.bad_values import GOOD_BOOK, HUGE
from tests.contract.cases import ALL, BOOK, BOOKS, KEY, NO_ORDER, ORDERS, PURCHASE, RESTOCK, Case, bare, order, staff

CURSOR_BY_ID = "aWQ6MTo"
"""`id:1:`"""
FRONT = frozenset({"front"})
DRAIN = "/api/v1/cluster/nodes/{}/drain/"


def methods() -> list[Case]:
    cases = []
    routes = {
        BOOKS: ("PUT", "PATCH", "DELETE"),
        BOOK: ("PUT", "POST"),
        RESTOCK: ("GET", "PUT", "PATCH", "DELETE"),
        "/product/1": ("POST", "PUT", "DELETE"),
        "/info/1": ("POST", "PATCH"),
        "/search/x": ("POST", "DELETE"),
        ORDERS: ("PUT", "PATCH", "DELETE"),
        NO_ORDER: ("POST", "PUT", "PATCH", "DELETE"),
        PURCHASE: ("GET", "PUT", "DELETE"),
    }
    for path, methods in routes.items():
        for method in (*methods, "TRACE", "PROPFIND", "BREW"):
            for form in (path, path.rstrip("/") if path.endswith("/") else f"{path}/"):
                cases.append(bare(form, "method_not_allowed", method, form, as_staff=True))
    for path in ("/healthz", "/readyz", "/metrics"):
        cases += [bare(path, "method_not_allowed", method, path, on=ALL) for method in ("POST", "DELETE", "BREW")]
    return cases


def strangers() -> list[Case]:
    basic = (
        ("not base64", "Basic %%%"),
        ("no colon", "Basic c3RhZmY="),
        ("nothing", "Basic"),
        ("two words", "Basic a b"),
        ("a wrong password", "Basic c3RhZmY6d3Jvbmc="),
        ("an unknown user", "Basic bm9ib2R5Ong="),
        ("no UTF-8", "Basic //46/w=="),
        ("a NUL", "Basic AHN0YWZmOgA="),
        ("a wrong token", "Token 0123456789012345678901234567890123456789"),
        ("a token with spaces", "Token a b"),
        ("no token", "Token"),
    )
    cases = []
    for name, value in basic:
        sent = ("Authorization", value)
        for method, path in (
            ("GET", BOOKS),
            ("GET", "/product/1"),
            ("GET", ORDERS),
            ("POST", ORDERS),
            ("DELETE", BOOK),
        ):
            cases.append(
                bare(f"{path} with {name}", "not_authenticated", method, path, sent, has=("www-authenticate",))
            )
    # The replicas' server drops header values that aren't ASCII: to them, this is nobody.
    front = frozenset({"front"})
    cases += [
        bare(f"{path} with an odd token", "not_authenticated", "GET", path, ("Authorization", "Token \xff"), on=front)
        for path in (BOOKS, "/product/1", ORDERS)
    ]
    for method, path in (("POST", BOOKS), ("PATCH", BOOK), ("DELETE", BOOK), ("POST", RESTOCK), ("GET", ORDERS)):
        for form in (path, path.rstrip("/")):
            cases.append(bare(f"{form} by nobody", "not_authenticated", method, form, has=("www-authenticate",)))
        forged = ("X-Service-Token", "guess"), ("X-Acting-User", "staff")
        cases.append(bare(f"{path} with a forged token", "not_authenticated", method, path, *forged))
        cases.append(bare(f"{path} with a claim", "not_authenticated", method, path, ("X-Acting-User", "staff")))
    internal = {"front": ("push",), "catalog": ("sales", "leases", "status"), "order": ("status",)}
    for service, names in internal.items():
        for name in names:
            path = f"/internal/{name}/"
            for method in ("GET", "POST") if name == "sales" else ("GET",) if name == "status" else ("POST",):
                on = frozenset({service})
                cases += [
                    bare(f"{path} at {service}", "not_authenticated", method, path, on=on),
                    bare(f"{path} at {service} by staff", "permission_denied", method, path, on=on, as_staff=True),
                    bare(
                        f"{path} at {service} forged",
                        "not_authenticated",
                        method,
                        path,
                        ("X-Service-Token", "x"),
                        on=on,
                    ),
                    bare(
                        f"{path} at {service} forged oddly",
                        "not_authenticated",
                        method,
                        path.rstrip("/"),
                        ("X-Service-Token", "\xe9\xff"),
                        on=on,
                    ),
                ]
    return cases


def keys() -> list[Case]:
    keys = {
        "too short": "x" * 15,
        "too long": "x" * 256,
        "300 long": "x" * 300,
        "with spaces": "0123456789 0123456789",
        "empty": "",
        "of other letters": "\xe9" * 20,
        "with a tab": "0123456789\t0123456789",
    }
    cases = []
    for name, key in keys.items():
        sent = (KEY, key)
        cases += [
            order(f"a key {name}", "validation_error", {"book": 1}, sent, member=KEY),
            order(f"a key {name} on the path", "validation_error", {}, sent, path=PURCHASE, member=KEY),
            staff(
                f"restock with a key {name}", "validation_error", "POST", RESTOCK, {"quantity": 1}, sent, member=KEY
            ),
            staff(f"a book with a key {name}", "validation_error", "POST", BOOKS, GOOD_BOOK, sent, member=KEY),
        ]
    cases.append(
        staff("another version", "precondition_failed", "PATCH", BOOK, {"price": "1.00"}, ("If-Match", '"no"'))
    )
    cases.append(staff("a weak tag", "precondition_failed", "DELETE", BOOK, None, ("If-Match", 'W/"no"')))
    cases.append(
        staff("a tag of nonsense", "precondition_failed", "PATCH", BOOK, {"price": "1.00"}, ("If-Match", "\xff"))
    )
    return cases


def of_the_front() -> list[Case]:
    cases = []
    for text in ("soon", "0", "-1", "1e3", "nan", ""):
        late = ("X-Request-Timeout", text)
        cases.append(bare(f"within {text!r}", "validation_error", "GET", BOOK, late, on=FRONT, member=late[0]))
    for name, code in (("catalog-9", "not_found"), ("front", "validation_error")):
        cases.append(bare(f"drain {name}", code, "POST", DRAIN.format(name), on=FRONT, as_staff=True))
    cases.append(bare("drain as a stranger", "not_authenticated", "POST", DRAIN.format("catalog-1"), on=FRONT))
    return cases


def addresses() -> list[Case]:
    cases = []
    for number in ("0", "999999", str(HUGE - 1), str(HUGE), "1" * 20, "1" * 5000):
        for path in (f"/product/{number}", f"/info/{number}/", f"{BOOKS}{number}/", f"{BOOKS}{number}"):
            cases.append(bare(f"{path[:60]} ({len(path)})", "not_found", "GET", path))
        cases.append(staff(f"change of {number[:50]}", "not_found", "PATCH", f"{BOOKS}{number}/", {"price": "1.00"}))
        cases.append(staff(f"end of {number[:50]}", "not_found", "DELETE", f"{BOOKS}{number}/", None))
        cases.append(
            staff(f"restock of {number[:50]}", "not_found", "POST", f"{BOOKS}{number}/restock/", {"quantity": 1})
        )
    for number in ("999999", str(HUGE - 1)):
        cases.append(order(f"book {number}", "not_found", {"book": int(number)}))
        cases.append(order(f"book {number} on the path", "not_found", {}, path=f"/purchase/{number}"))
    odd = (
        "/nothing",
        "/product/",
        "/product/x",
        "/product/-1",
        "/product/1/2",
        "/product/1.0",
        "/product/%31%00",
        "/product/%ff",
        "/product/1%2f2",
        "/product/%D9%A1",
        "/api/v1/books/%00/",
        "/api/v1/books/%ff",
        "/%00",
        "/%ff%fe",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/static/%2e%2e/%2e%2e/manage.py",
        "/static/%00",
        "/internal/nothing/",
        "/api/v2/books/",
        "//product/1",
        "/product//1",
        "/search/",
        "/search",
    )
    cases += [bare(path, "not_found", method, path, on=ALL) for path in odd for method in ("GET", "DELETE")]
    ids = ("x", "1", "9b2c1e1c98a34d578f0e9f3a6f0c1d2e", "9b2c1e1c-98a3-4d57-8f0e-9f3a6f0c1d2", "%00", "%ff")
    cases += [bare(f"order {number}", "not_found", "GET", f"{ORDERS}{number}/") for number in ids]
    cases.append(bare("order that nobody made", "not_found", "GET", NO_ORDER))
    return cases


def queries() -> list[Case]:
    cases = []
    pages = {
        "page=0": "page",
        "page=-1": "page",
        "page=x": "page",
        "page=": "page",
        "page=1.5": "page",
        "page=%00": "page",
        "page=%D9%A1": "page",
        "page_size=0": "page_size",
        "page_size=101": "page_size",
        "page_size=-5": "page_size",
        "page_size=all": "page_size",
        "page_size=" + "9" * 5000: "page_size",
        "page=%ff": "page",
    }
    cursors = (f"after={text}" for text in ("x", "%00", "%ff", "MTox", "x" * 6001, "&page=1"))
    for query, member in pages.items():
        for path in (BOOKS, "/search/x", ORDERS):
            cases.append(
                bare(
                    f"{path}?{query[:30]}", "validation_error", "GET", f"{path}?{query}", as_staff=True, member=member
                )
            )
    cases += [
        bare(f"{path}?{query[:30]}", "validation_error", "GET", f"{path}?{query}", as_staff=True, member="after")
        for query in cursors
        for path in (BOOKS, ORDERS)
    ]
    for query in ("page=999", f"page={HUGE}", "page=" + "9" * 30):
        for path in (BOOKS, "/search/distributed%20systems", ORDERS):
            cases.append(bare(f"{path}?{query[:40]}", "not_found", "GET", f"{path}?{query}", as_staff=True))
    filters = {
        "ordering=nonsense": "ordering",
        "ordering=": "ordering",
        "ordering=id;drop": "ordering",
        "ordering=--id": "ordering",
        "search=%00": "search",
        "topic=a%00b": "topic",
        "topic=" + "x" * 201: "topic",
        f"after={CURSOR_BY_ID}&ordering=price": "after",
        f"after={CURSOR_BY_ID}&find=x": "after",
    }
    cases += [
        bare(f"{BOOKS}?{query[:30]}", "validation_error", "GET", f"{BOOKS}?{query}", member=member)
        for query, member in filters.items()
    ]
    times = {
        "book=x": "book",
        "book=0": "book",
        f"book={HUGE}": "book",
        "created_after=yesterday": "created_after",
        "created_before=2026-13-01T00:00:00Z": "created_before",
        "created_after=0001-01-01T00:00:00%2B23:59": "created_after",
    }
    cases += [
        bare(f"{ORDERS}?{query}", "validation_error", "GET", f"{ORDERS}?{query}", as_staff=True, member=member)
        for query, member in times.items()
    ]
    return cases
