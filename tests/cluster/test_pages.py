"""What README and docs/ tell people to type works, word for word."""

import re
import shlex
from pathlib import Path

import pytest

from tests.answers import Answer
from tests.client import Request, Shop, basic
from tests.docs.pages import DOCS, README, shell, title
from tests.waiting import wait_for

ORDER = re.compile(r"/orders/[0-9a-f-]{36}/")
PASSWORD = "$(cat var/staff-password)"


def typed(shop: Shop, command: str) -> Answer:
    """The front's answer to a command of curl."""
    words = iter(shlex.split(command.replace(PASSWORD, "password"))[1:])
    request = Request("GET", "")
    for word in words:
        match word:
            case "-X":
                request.method = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                request.headers.append((name, value))
            case "-d":
                request.body = next(words).encode()
            case "-u":
                assert next(words) == "staff:password"
                request.headers.append(("Authorization", basic(*shop.store.staff)))
            case "-i" | "-s":
                pass
            case _:
                request.path = word.removeprefix("localhost:8000")
    assert request.path.startswith("/"), command
    return shop.front.send(request)


def curls(page: Path) -> list[str]:
    return [command for command in shell(page.read_text()) if command.startswith("curl ")]


def in_time(shop: Shop, command: str) -> Answer:
    """The answer; to a request with a time limit of its own, which a slow machine may miss, one within that limit."""

    def answers() -> list[Answer]:
        answer = typed(shop, command)
        return [] if answer.status == 503 and "X-Request-Timeout" in command else [answer]

    (answer,) = wait_for(answers, what=command)
    return answer


@pytest.mark.parametrize("page", [README, *(DOCS / f"{name}.md" for name in ("api", "breaking", "logs"))], ids=title)
def test_each_request_of_a_page_is_answered(shop: Shop, page: Path) -> None:
    """An order that staff deals with is one that was bought."""
    assert curls(page)
    order = shop.front.buy(2, 3).json["id"]
    for command in curls(page):
        answer = in_time(shop, ORDER.sub(f"/orders/{order}/", command))
        assert answer.status in (200, 201), (command, answer)


def hit(shop: Shop, command: str) -> Answer | None:
    answer = typed(shop, command)
    return answer if answer.headers["x-cache"] == "hit" else None


def test_requests_of_the_readme_do_what_it_says(shop: Shop) -> None:
    _, again, buy, look, with_key = curls(README)[:5]
    before = wait_for(lambda: hit(shop, again), what="a hit")
    assert before is not None
    assert typed(shop, buy).status == 201
    assert typed(shop, look).json["quantity"] == before.json["quantity"] - 1
    assert typed(shop, with_key).body == typed(shop, with_key).body


def test_searches_find_what_the_page_says(shop: Shop) -> None:
    found = re.findall(r"^(curl .*\?search=.*?) +# (.*?) ?(?:\.\.\.)?$", (DOCS / "api.md").read_text(), re.MULTILINE)
    assert found
    for command, begins in found:
        titles = [book["title"] for book in typed(shop, command).json["results"]]
        assert [name[: len(begins)] for name in titles] == [begins]
