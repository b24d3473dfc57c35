"""The admin of a replica that can't be read: it says why, and where the same page can be had."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from bookstore_project.replication import failpoints
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from bookstore_project.replication.service import get_service
from bookstore_project.replication.sqlite_pair.membership.witness import Exclusion, read_witness, write_witness
from bookstore_project.replication.tests.support.replica_files import change_around, floor
from bookstore_project.settings import tls
from bookstore_project.settings.tls import Certificates

WITNESS = get_service("shelf").witness_file
LIST = "/admin/shelf/article/?q=saw&o=-2"


@pytest.fixture
def browser(seven_articles: Path, settings: Settings) -> Client:
    """At shelf-2, logged in."""
    settings.ROOT_URLCONF = "bookstore_project.replication.tests.shelf.urls"
    settings.REPLICATION = settings.REPLICATION | {"NODE": "shelf-2"}
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("root", password="correct horse"))
    return client


def take_out(alias: str = "shelf-2") -> None:
    path = WITNESS
    witness = read_witness(path)
    in_sync = tuple(name for name in witness.in_sync if name != alias)
    out = {alias: Exclusion("its disk is on fire", "2030-01-01T00:00:00+00:00")}
    write_witness(path, type(witness)(**{**vars(witness), "in_sync": in_sync, "out": out}), sync=False)


def said(answer: Any) -> str:
    assert answer.headers["Content-Type"].startswith("text/html"), answer.content[:300]
    text: str = answer.content.decode()
    return text


@pytest.mark.parametrize(
    "path",
    [
        LIST,
        "/admin/shelf/article/1/change/",
        "/admin/shelf/article/1/history/",
        "/admin/shelf/movement/",
    ],
)
def test_a_replica_out_of_sync_says_so_and_offers_the_other(browser: Client, path: str) -> None:
    take_out()
    answer = browser.get(path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "shelf-2 is out of sync: its disk is on fire" in said(answer)
    url = f"{replication_settings.url('shelf-1')}{path}".replace("&", "&amp;")
    assert f'href="{url}"' in said(answer)


def test_its_first_page_and_its_login_work(browser: Client) -> None:
    take_out()
    for path in ("/admin/", "/admin/shelf/"):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert "its disk is on fire" in said(answer)
        assert f'href="{replication_settings.url("shelf-1")}{path}"' in said(answer)
    stranger = Client()
    login = stranger.post("/admin/login/?next=/admin/", {"username": "root", "password": "correct horse"})
    assert (login.status_code, login.headers["Location"]) == (302, "/admin/")


def test_a_replica_in_sync_complains_of_nothing(browser: Client) -> None:
    take_out("shelf-1")
    assert "errornote" not in said(browser.get("/admin/"))
    assert browser.get(LIST).status_code == 200


def test_no_replica_is_offered_that_listens_to_no_browser(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    take_out("shelf-2")
    assert "The same page at" in said(browser.get(LIST))
    monkeypatch.setattr(tls, "CERTIFICATES", Certificates(*[Path("of a host")] * 3))
    assert "The same page at" not in said(browser.get(LIST))


def test_no_replica_is_offered_that_is_not_in_sync(browser: Client) -> None:
    WITNESS.unlink()
    answer = browser.get(LIST)
    assert answer.status_code == 503
    assert "The same page at" not in said(answer)
    assert "No other replica is known to be in sync" in said(answer)


def test_a_host_header_does_not_choose_where_the_offer_leads(browser: Client) -> None:
    take_out()
    assert "localhost:99" not in said(browser.get("/admin/shelf/article/", headers={"Host": "localhost:99"}))


def test_a_change_that_was_refused_says_that_nothing_was_changed(browser: Client) -> None:
    before = floor("shelf")
    WITNESS.rename(replication_settings.data_dir / "aside")
    answer = browser.post("/admin/shelf/article/1/change/", {"title": "New"})
    (replication_settings.data_dir / "aside").rename(WITNESS)
    assert answer.status_code == 503
    assert "nothing was changed" in said(answer)
    assert floor("shelf") == before


def test_a_change_of_unknown_outcome_says_that(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(*args: object, **kwargs: object) -> None:
        raise OutcomeUnknown("Both commits failed half-way.")

    monkeypatch.setattr("bookstore_project.replication.web.admin.run", lose)
    answer = browser.post("/admin/shelf/article/1/change/", {"title": "New"})
    assert answer.status_code == 503
    assert "isn&#x27;t known whether" in said(answer)
    assert "nothing was changed" not in said(answer)


def break_down() -> None:
    raise Unavailable("The disk is on fire.")


def test_nothing_is_said_to_be_done_that_was_taken_back(browser: Client) -> None:
    fields = {"title": "New", "kind": "t", "price": "1", "quantity": "50"}
    failpoints.hooks["before-commit"] = break_down
    answer = browser.post("/admin/shelf/article/1/change/", fields)
    del failpoints.hooks["before-commit"]
    assert answer.status_code == 503
    assert "successfully" not in said(answer)
    assert "successfully" not in said(browser.get(LIST))


def test_what_was_done_by_the_second_attempt_is_said_once(browser: Client) -> None:
    """The first one found the other file damaged, when all was said."""
    change_around("shelf-2", "UPDATE shelf_article SET title = 'X' WHERE id = 1")
    fields = {"title": "New", "kind": "t", "price": "1", "quantity": "50"}
    answer = browser.post("/admin/shelf/article/1/change/", fields, follow=True)
    assert said(answer).count("was changed successfully") == 1


def test_who_wants_no_page_gets_the_problem(browser: Client) -> None:
    take_out()
    answer = browser.get(LIST, headers={"Accept": "application/json"})
    assert answer.status_code == 503
    assert answer.json()["code"] == "unavailable"
