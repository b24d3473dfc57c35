"""Staff does what its permissions say, at every node: by the API as in the admin."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db import DatabaseError, connections
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.authtoken.models import Token

from bookstore_project.api import permissions
from bookstore_project.api.tests.api import assert_problem, basic, make_staff
from bookstore_project.settings import topology
from catalog_app.models import Book
from frontend_app.dashboard import fault_injection
from tests.everywhere.conftest import Being

NEW = {"title": "T", "topic": "t", "price": "9.90", "quantity": 2}
BOOKS: list[tuple[str, str, Any, str]] = [
    ("POST", "/api/v1/books/", NEW, permissions.ADD_BOOK),
    ("PATCH", "/api/v1/books/1/", {"price": "1.00"}, permissions.CHANGE_BOOK),
    ("POST", "/api/v1/books/1/restock/", {"quantity": 5}, permissions.CHANGE_BOOK),
    ("DELETE", "/api/v1/books/1/", None, permissions.DELETE_BOOK),
    ("GET", "/api/v1/books/1/history/", None, permissions.VIEW_BOOK),
]
ORDERS: list[tuple[str, str, Any, str]] = [
    ("GET", "/api/v1/orders/", None, permissions.VIEW_ORDER),
    ("GET", "/api/v1/orders/day/", None, permissions.VIEW_ORDER),
]
ORDER = "/api/v1/orders/0b8e2a4e-9a7c-4b6e-8a46-0123456789ab"
CHANGES: list[tuple[str, str, Any, str]] = [
    ("GET", f"{ORDER}/history/", None, permissions.VIEW_ORDER),
    ("POST", f"{ORDER}/cancel/", None, permissions.CHANGE_ORDER),
    ("POST", f"{ORDER}/collect/", None, permissions.CHANGE_ORDER),
    ("POST", f"{ORDER}/reopen/", None, permissions.CHANGE_ORDER),
    ("POST", f"{ORDER}/refund/", {"amount": "1.00"}, permissions.CHANGE_ORDER),
]
STORE: list[tuple[str, str, Any, str]] = [
    ("POST", "/api/v1/cluster/nodes/catalog-1/drain/", None, permissions.DRAIN_REPLICA),
    ("POST", "/api/v1/cluster/nodes/catalog-1/undrain/", None, permissions.DRAIN_REPLICA),
    ("POST", "/api/v1/cluster/nodes/catalog-1/stop/", None, permissions.BREAK_STORE),
    ("POST", "/api/v1/cluster/files/catalog-1/delete/", None, permissions.BREAK_STORE),
    ("POST", "/api/v1/cluster/rush/", {"book": 1}, permissions.BREAK_STORE),
    ("POST", "/api/v1/cluster/cache/clear/", None, permissions.CLEAR_CACHE),
    ("POST", "/cluster/controls/turns/drain/catalog-1/", None, permissions.DRAIN_REPLICA),
    ("GET", "/cluster/controls/turns/undrain/catalog-1/", None, permissions.DRAIN_REPLICA),
    ("POST", "/cluster/controls/node/kill/catalog-1/", None, permissions.BREAK_STORE),
    ("POST", "/cluster/controls/store/clear/", None, permissions.CLEAR_CACHE),
]
CASES = [
    *(("front", *case) for case in (*BOOKS, *ORDERS, *CHANGES, *STORE)),
    *(("catalog-1", *case) for case in BOOKS),
    *(("order-1", *case) for case in ORDERS),
]
ALL = sorted({case[-1] for case in CASES})


@pytest.fixture(autouse=True)
def done(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> list[str]:
    """What was done to the store; nothing really."""
    settings.IS_BREAKABLE = True
    made: list[str] = []

    def perform(front: Any, target: fault_injection.Target, **options: Any) -> str:
        made.append(target.control.action)
        return "Done."

    monkeypatch.setattr(fault_injection, "perform", perform)
    for name in ("drain", "undrain"):
        monkeypatch.setattr(f"frontend_app.services.{name}", lambda *args, _name=name, **options: made.append(_name))
    return made


def named(*names: str) -> list[Permission]:
    pairs = [name.split(".") for name in names]
    return [Permission.objects.get(content_type__app_label=app, codename=code) for app, code in pairs]


def logged_in(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def ways(user: User) -> Iterator[tuple[Client, dict[str, str]]]:
    """By which it may be recognised."""
    client = Client(raise_request_exception=False)
    yield client, basic(user.username)
    yield client, {"Authorization": f"Token {Token.objects.get_or_create(user=user)[0].key}"}
    yield logged_in(user), {}


def ask(client: Client, method: str, path: str, body: Any, sent: dict[str, str]) -> Any:
    more = {"data": body or {}, "content_type": "application/json"} if method != "GET" else {}
    answer = getattr(client, method.lower())(path, headers=sent, **more)
    if answer.streaming:
        answer.getvalue()  # What it is made of is closed then.
    return answer


@pytest.mark.large
@pytest.mark.parametrize(
    ("node", "method", "path", "body", "needed"), CASES, ids=[f"{case[0]} {case[1]} {case[2]}" for case in CASES]
)
def test_it_takes_the_permission_and_no_other_will_do(
    being: Being, done: list[str], node: str, method: str, path: str, body: Any, needed: str
) -> None:
    with being(node) as store:
        others = make_staff("others")
        others.user_permissions.set(
            named(*(each for each in ALL if each not in (needed, permissions.SEEN_BY.get(needed))))
        )
        for client, sent in chain(ways(make_staff("nothing")), ways(others)):
            if path.startswith("/cluster/") and sent:
                continue  # Pages know sessions only.
            answer = ask(client, method, path, body, sent)
            document = assert_problem(answer, 403, "permission_denied")
            assert needed in document["detail"]
        assert store.asked == []
        assert done == []
        mine = make_staff("mine")
        mine.user_permissions.set(named(needed))
        assert ask(logged_in(mine), method, path, body, {}).status_code in (200, 201, 204, 302)


@pytest.mark.parametrize("node", ["front", "catalog-1"])
def test_who_is_not_of_staff_changes_nothing_with_any_permission(being: Being, node: str) -> None:
    """As in the admin."""
    with being(node) as store:
        bob = User.objects.get(username="bob")
        bob.user_permissions.set(named(*ALL))
        for method, path, body, _ in BOOKS:
            assert_problem(ask(Client(), method, path, body, basic("bob")), 403, "permission_denied")
        bob.is_superuser = True
        bob.save()
        for method, path, body, _ in BOOKS:
            assert_problem(ask(Client(), method, path, body, basic("bob")), 403, "permission_denied")
        assert store.asked == []


@pytest.mark.parametrize(
    ("node", "path", "needed"),
    [(node, path, needed) for node, _, path, _, needed in CASES if needed in permissions.SEEN_BY],
)
def test_who_may_change_something_may_see_it(being: Being, node: str, path: str, needed: str) -> None:
    with being(node):
        changer = make_staff("changer")
        changer.user_permissions.set(named(permissions.SEEN_BY[needed]))
        for client, sent in ways(changer):
            assert ask(client, "GET", path, None, sent).status_code != 403


def test_who_may_change_orders_sees_them_in_the_admin(being: Being) -> None:
    with being("order-1"):
        changer = make_staff("changer")
        changer.user_permissions.set(named(permissions.CHANGE_ORDER))
        for page in ("", "export/"):
            assert ask(logged_in(changer), "GET", f"/admin/order_app/order/{page}", None, {}).status_code == 200


def test_a_permission_that_is_taken_away_is_gone_at_once(being: Being) -> None:
    with being("catalog-1"):
        ann = User.objects.get(username="ann")
        assert ask(Client(), "PATCH", "/api/v1/books/1/", {"price": "2.00"}, basic("ann")).status_code == 200
        ann.groups.clear()
        refused = ask(Client(), "PATCH", "/api/v1/books/1/", {"price": "3.00"}, basic("ann"))
        assert_problem(refused, 403, "permission_denied")


@pytest.mark.parametrize("node", ["front", "catalog-1"])
def test_the_api_in_a_browser_has_forms_for_what_one_may_do(being: Being, node: str) -> None:
    with being(node):
        changer = make_staff("changer")
        changer.user_permissions.set(named(permissions.CHANGE_BOOK))
        browser = logged_in(changer)
        book = browser.get("/api/v1/books/1/", headers={"Accept": "text/html"}).content.decode()
        assert 'data-method="PATCH"' in book
        assert 'data-method="DELETE"' not in book
        books = browser.get("/api/v1/books/", headers={"Accept": "text/html"}).content.decode()
        assert 'name="title"' not in books


def test_the_cluster_page_offers_what_one_may_do(being: Being) -> None:
    with being("front"):
        drainer = make_staff("drainer")
        drainer.user_permissions.set(named(permissions.DRAIN_REPLICA))
        shown = logged_in(drainer).get("/cluster/").content.decode()
        assert "/cluster/controls/turns/drain/catalog-1/" in shown
        assert "/controls/node/" not in shown
        assert "/controls/store/" not in shown
        nobody = logged_in(make_staff("nobody")).get("/cluster/").content.decode()
        assert "/cluster/controls/" not in nobody
        assert "operators" in nobody


def test_a_book_is_retired_in_the_admin_by_who_may_delete_it(being: Being) -> None:
    with being("catalog-1"):
        changer, deleter = make_staff("changer"), make_staff("deleter")
        changer.user_permissions.set(named("catalog_app.view_book", permissions.CHANGE_BOOK))
        deleter.user_permissions.set(named(permissions.CHANGE_BOOK, permissions.DELETE_BOOK))
        path = "/admin/catalog_app/book/1/change/"
        for user, is_offered in ((changer, False), (deleter, True)):
            browser = logged_in(user)
            assert ('name="retired"' in browser.get(path).content.decode()) is is_offered
            form = browser.get(path).context["adminform"].form
            sent = {name: "" if form[name].value() is None else form[name].value() for name in form.fields}
            sent |= {f"initial-{name}": value for name, value in sent.items()}
            browser.post(path, sent | {"retired": "on"})
            assert Book.objects.get(pk=1).retired is is_offered


def test_accounts_that_cannot_be_read_are_503(being: Being, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> None:
        connections[topology.ACCOUNTS].errors_occurred = True
        raise DatabaseError("file is not a database")

    with being("front"):
        browser = logged_in(User.objects.get(username="ann"))
        with monkeypatch.context() as broken:
            broken.setattr("django.contrib.auth.backends.ModelBackend.get_all_permissions", fail)
            assert ask(browser, "PATCH", "/api/v1/books/1/", {}, {}).status_code == 503
            assert browser.get("/cluster/controls/node/kill/catalog-1/").status_code == 503
            assert browser.get("/cluster/").status_code == 200


# ----------------------------------------------------------------------------------------------------- groups


def codes(name: str) -> set[str]:
    return set(Group.objects.get(name=name).permissions.values_list("codename", flat=True))


def test_two_groups_have_what_their_work_takes_from_the_first_run(being: Being) -> None:
    assert codes("shop assistants") == {
        "view_book", "add_book", "change_book", "delete_book", "view_ledgerentry", "view_order",
        "change_order",
    }  # fmt: skip
    assert codes("operators") == {
        "view_book", "view_ledgerentry", "view_order", "drain_replica", "clear_cache", "break_store",
    }  # fmt: skip
    people = {"shop assistants": User.objects.get(username="ann"), "operators": make_staff("keeper", "operators")}
    for node, method, path, body, needed in CASES:
        theirs = "operators" if needed.startswith("frontend_app.") else "shop assistants"
        with being(node):
            for group, person in people.items():
                answer = ask(logged_in(person), method, path, body, {})
                is_theirs = group == theirs or needed in (permissions.VIEW_ORDER, permissions.VIEW_BOOK)
                assert (answer.status_code != 403) is is_theirs, (group, method, path, answer.content)


def test_what_an_administrator_changes_of_the_groups_stays_so(empty_store: Path) -> None:
    Group.objects.get(name="operators").delete()
    assistants = Group.objects.get(name="shop assistants")
    assistants.permissions.remove(*named(permissions.DELETE_BOOK))
    call_command("migrate", database=topology.ACCOUNTS, verbosity=0)
    assert not Group.objects.filter(name="operators").exists()
    assert "delete_book" not in codes("shop assistants")


def test_a_store_of_before_gets_the_groups_and_leaves_one_of_that_name_alone(empty_store: Path) -> None:
    call_command("migrate", "frontend_app", "zero", database=topology.ACCOUNTS, verbosity=0)
    Group.objects.all().delete()
    own = Group.objects.create(name="operators")
    own.permissions.set(named(permissions.VIEW_ORDER))
    call_command("migrate", database=topology.ACCOUNTS, verbosity=0)
    assert codes("operators") == {"view_order"}
    assert "change_book" in codes("shop assistants")
    assert Permission.objects.filter(codename="drain_replica").count() == 1
