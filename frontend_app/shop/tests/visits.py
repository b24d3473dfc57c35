"""What tests of the shop's pages share: an order service that is pretended, and what a visitor does."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core import signing
from django.test import Client

from bookstore_project.api import headers, idempotency, internal_paths
from bookstore_project.nodes.client import Reply
from frontend_app.tests.support.fakes import Asked, json_reply, problem_reply
from tests.contract.html import Page

KEY = re.compile(r'name="key" value="([^"]+)"')
LINE = re.compile(r'name="line" value="([^"]+)"')


class Orders:
    """The order service: one order a key, or what `refusal` says."""

    def __init__(self) -> None:
        self.by_key: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, Any]] = []
        self.refusal: Reply | None = None
        self.is_silent = False
        """It does what it is asked for, and says that it doesn't know."""
        self.is_readable = True

    def __call__(self, asked: Asked) -> Reply:
        if asked.method == "GET":
            return self._read(asked)
        key, body = asked.headers[headers.IDEMPOTENCY_KEY], json.loads(asked.body or b"")
        self.asked.append((key, body))
        if self.refusal is not None:
            return self.refusal
        order = self.by_key.setdefault(
            key, {"id": str(idempotency.order_id(key)), "asked": body, **self._shown(body)}
        )
        if self.is_silent:
            return problem_reply("outcome_unknown", 1)
        if order["asked"] != body:
            return json_reply({"code": "idempotency_conflict", "detail": "No.", "is_bought": True}, 422)
        return json_reply(order, 201)

    def _read(self, asked: Asked) -> Reply:
        if not self.is_readable:
            return problem_reply("unavailable", 1)
        if asked.path.startswith(internal_paths.ORDERS):
            wanted = asked.path.partition("?ids=")[2].split(",")
            return json_reply({"orders": [self._in_short(each) for each in wanted if self._of(each)]})
        order = self._of(asked.path.rstrip("/").rpartition("/")[2])
        return json_reply(order) if order else problem_reply("not_found", 1)

    def order(self, order_id: str) -> dict[str, Any]:
        """What is shown of an order, to be changed."""
        found = self._of(order_id)
        assert found is not None
        return found

    def _of(self, order_id: str) -> dict[str, Any] | None:
        return next((each for each in self.by_key.values() if each["id"] == order_id), None)

    def _in_short(self, order_id: str) -> dict[str, Any]:
        order = self._of(order_id) or {}
        first, *others = order["lines"]
        left = sum(
            Decimal(each["unit_price"]) * (each["quantity"] - each.get("cancelled", 0)) for each in order["lines"]
        )
        in_short = {"title": first["title"], "more": len(others), "status": order.get("status", "completed")}
        in_short["left"] = f"{left:.2f}"
        return in_short | {name: order[name] for name in ("id", "total", "created_at")}

    def _shown(self, body: Any) -> dict[str, Any]:
        lines = [{"title": f"Book {line['book']}", "total": line["unit_price"], **line} for line in body["lines"]]
        total = sum(Decimal(line["unit_price"]) * line["quantity"] for line in lines)
        return {"lines": lines, "total": f"{total:.2f}", "created_at": "2030-01-02T03:04:05Z"}


def put(client: Client, book: int, copies: int = 1) -> Any:
    """Into the basket; gives back its page."""
    answer = client.post("/basket/put/", {"book": book, "copies": copies, "line": f"{book} 1 {book}0.00"})
    assert answer.status_code == 303
    return client.get(answer["Location"])


def refused(client: Client, form: Mapping[str, Any]) -> Any:
    """The page to which a purchase leads that is refused."""
    answer = client.post("/buy/", form)
    assert (answer.status_code, answer["Location"].startswith(("/basket/?", "/books/"))) == (303, True)
    return client.get(answer["Location"])


def unanswered(client: Client, form: Mapping[str, Any]) -> Any:
    """The page to which a purchase leads that is to be sent again."""
    answer = client.post("/buy/", form)
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (303, "/buy/again/")
    return client.get(answer["Location"])


def form_of(answer: Any) -> dict[str, Any]:
    """The form that buys, as the page has it."""
    text = answer.content.decode()
    key = KEY.findall(text)[-1]
    return {"key": key, "line": LINE.findall(text[text.index(key) :])}


def form_named(answer: Any, action: str) -> dict[str, str]:
    """The fields of the first form that is sent there."""
    return next(form.fields for form in Page.of(answer.content).forms if form.action == action)


def words_of(answer: Any) -> str:
    """What a reader sees of the page, as one line."""
    return Page.of(answer.content).text


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def signed(members: Any, name: str = "basket") -> str:
    """As that cookie is."""
    return signing.dumps(members, salt=f"frontend_app.shop.{name}")
