"""How parts of the picture look, by what the front knows of them."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from bookstore_project.replication.engine import copies
from bookstore_project.settings.databases import ON_POSTGRESQL
from bookstore_project.settings.topology import NODES
from frontend_app import services
from frontend_app.picture.looks import SLOTS, looks, offered, out_of_sync
from frontend_app.picture.scene import WAYS
from frontend_app.picture.steps import SENTENCES
from frontend_app.runtime import Front, serving
from frontend_app.tests.support import fakes
from frontend_app.tests.support.fakes import Store, lru


@pytest.fixture
def front() -> Iterator[Front]:
    store = Store()
    for book in range(1, 30):
        store.put(book, topic="things")
    with serving(fakes.make_front(store, lru(max_entries=20))) as front:
        yield front


def tell(front: Front, name: str, **status: Any) -> None:
    """What a replica says of itself."""
    (checker,) = [each for each in front.checkers if each.node.name == name]
    checker.status = {"position": 7, "floor": 7, "epoch": 3, "out": {}, **status}


def test_before_anybody_said_anything_nothing_is_made_up(front: Front) -> None:
    shown = looks(front)
    assert shown["set:catalog"] == ("none", "unknown")
    assert shown["head:catalog-1"].text == shown["floor:catalog"].text == "?"
    assert shown["file:catalog-1"].word == "unknown"


def test_a_copy_that_is_out_of_sync_is_drawn_out_of_its_set(front: Front) -> None:
    tell(front, "catalog-1", out={"catalog-2": "it is locked"})
    shown = looks(front)
    assert shown["set:catalog"] == ("only-1", "catalog-1")
    assert [shown[f"file:catalog-{number}"].word for number in (1, 2)] == ["in", "out"]
    assert shown["offer:file:catalog-1"].word == "", "it is the last good one"
    assert "delete" in shown["offer:file:catalog-2"].word
    assert out_of_sync(front) == {"catalog-2"}


def test_a_repair_that_is_under_way_is_shown_at_its_copy(front: Front) -> None:
    work = {"what": "copying catalog-1 for catalog-2", "part": 0.4, "left_s": 3.0}
    tell(front, "catalog-1", out={"catalog-2": "it is gone"}, work=work)
    assert looks(front)["file:catalog-2"] == ("work", "copying 40%")


def test_slots_are_in_the_order_in_which_entries_were_used_and_move_with_them(front: Front) -> None:
    for book in (1, 2, 3):
        services.read_book(front, book)
    before = [looks(front)[f"slot:{number}"] for number in range(4)]
    services.read_book(front, 1)
    after = [looks(front)[f"slot:{number}"] for number in range(4)]
    assert [look.word.split()[0] for look in before] == ["full", "full", "full", "empty"]
    assert (after[0], after[1], after[2]) == (before[2], before[0], before[1])
    assert {look.text for look in before[:3]} == {"b"}


def test_of_a_cache_with_more_entries_than_slots_both_ends_are_shown(front: Front) -> None:
    for book in range(1, 30):
        services.read_book(front, book)
    shown = looks(front)
    assert shown["cache"].text == "20 of 20 entries"
    assert shown["more"].text == f"… {20 - SLOTS} more …"
    last = shown[f"slot:{SLOTS - 1}"]
    services.read_book(front, 1)
    assert last not in [look for name, look in looks(front).items() if name.startswith("slot:")], "it was next out"


@pytest.mark.parametrize(
    ("state", "process", "actions"),
    [
        ("up", "running", ["stop", "kill", "pause", "drain"]),
        ("out", "running", ["stop", "kill", "pause", "drain"]),
        ("drained", "running", ["stop", "kill", "pause", "undrain"]),
        ("out", "stopped", ["start"]),
        ("out", "paused", ["stop", "kill", "continue", "drain"]),
        ("up", None, ["drain"]),
    ],
)
def test_what_makes_sense_of_a_node(state: str, process: str | None, actions: list[str]) -> None:
    assert offered(state, process) == actions


def test_without_files_one_server_is_drawn_for_each_service(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replicas of a store on PostgreSQL have no copies, and so no in-sync set."""
    assert b'href="#menu-file:catalog-1"' in Client().get("/cluster/").content or ON_POSTGRESQL
    monkeypatch.setattr(copies, "files", list)
    page = Client().get("/cluster/").content.decode()
    assert "menu-file" not in page
    assert 'data-part="set:' not in page
    assert page.count(">PostgreSQL</text>") == 2 * 2, "on a desk and on a phone"


def test_every_step_has_its_sentence_on_the_page(front: Front) -> None:
    page = Client().get("/cluster/").content.decode()
    for code in SENTENCES:
        assert f'data-sentence="{code}"' in page
    assert all(title in page for title in WAYS)
    for name in NODES:
        assert f'id="menu-{name}"' in page
    assert "data-action" not in page, "nothing is offered to whoever isn't staff"
