"""Controls: for staff, where the store is there to be broken, and from its own pages."""

import base64
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connections
from django.test import Client
from pytest_django.fixtures import Settings

from bookstore_project.api import permissions, problems
from bookstore_project.api.request_id import is_acceptable
from bookstore_project.api.tests.api import make_staff
from bookstore_project.nodes import client, supervisor_client
from bookstore_project.settings import topology
from frontend_app import services
from frontend_app.cache.lru import LRUCache
from frontend_app.cache.shared.cache import SharedCache
from frontend_app.dashboard import fault_injection, file_faults
from frontend_app.dashboard.load_burst import CUSTOMERS, LoadBurst
from frontend_app.runtime import Front, serving
from frontend_app.tests.support import fakes
from frontend_app.tests.support.fakes import Store, lru, make_front
from tests.waiting import PATIENCE_S, wait_for

pytestmark = pytest.mark.django_db(databases=[topology.ACCOUNTS])

ROUTES = {
    "/api/v1/cluster/nodes/catalog-1/kill/": None,
    "/api/v1/cluster/files/catalog-1/delete/": None,
    "/api/v1/cluster/rush/": {"book": 1},
    "/api/v1/cluster/cache/clear/": None,
}
PAGES = (
    "/cluster/controls/node/kill/catalog-1/",
    "/cluster/controls/file/delete/catalog-1/",
    "/cluster/controls/store/rush/",
    "/cluster/controls/store/clear/",
)
BASIC = {"HTTP_AUTHORIZATION": "Basic " + base64.b64encode(b"boss:secret").decode()}


@pytest.fixture
def ordered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What the supervisor was asked for."""
    asked: list[tuple[str, str]] = []

    def order(command: str, node: str, *, by: str = "", after_s: float = 0.0) -> str:
        asked.append((command, node))
        return f"{node} does {command}."

    monkeypatch.setattr(supervisor_client, "order", order)
    return asked


@pytest.fixture(autouse=True)
def done(monkeypatch: pytest.MonkeyPatch, settings: Settings, ordered: list[tuple[str, str]]) -> list[str]:
    """What was done to files; nothing really."""
    settings.IS_BREAKABLE = True
    inflicted: list[str] = []

    def inflict(kind: str, node: topology.Node) -> str:
        inflicted.append(f"{kind} {node.name}")
        return f"The file of {node.name} is deleted."

    monkeypatch.setattr(file_faults, "inflict", inflict)
    return inflicted


@pytest.fixture
def front() -> Iterator[Front]:
    store = Store()
    store.put(1, price="10.00")
    with serving(make_front(store)) as front:
        services.read_book(front, 1)
        yield front


def entries(front: Front) -> int:
    assert isinstance(front.reads.cache, LRUCache)
    return len(front.reads.cache)


@pytest.fixture(autouse=True)
def nothing_was_done_to_the_cache(front: Front) -> None:
    assert entries(front) == 1


@pytest.fixture
def boss() -> User:
    return make_staff("boss", "operators", password="secret")


@pytest.fixture
def staff(boss: User) -> Client:
    client = Client()
    client.force_login(boss)
    return client


def post(client: Client, path: str, **headers: Any) -> Any:
    return client.post(path, data=ROUTES.get(path) or {}, content_type="application/json", **headers)


@pytest.mark.parametrize("path", ROUTES)
def test_staff_gets_it_done(staff: Client, path: str) -> None:
    answer = post(staff, path)
    assert answer.status_code == 200, answer.content
    assert answer.json()["detail"].endswith((".", "tell."))


def test_what_is_asked_for_is_done_to_whom_it_is_asked_for(
    staff: Client, front: Front, ordered: list[tuple[str, str]], done: list[str]
) -> None:
    for action in supervisor_client.COMMANDS:
        for name in topology.NODES:
            assert post(staff, f"/api/v1/cluster/nodes/{name}/{action}/").status_code == 200
    assert ordered == [(action, name) for action in supervisor_client.COMMANDS for name in topology.NODES]
    for kind in ("delete", "truncate", "flip", "lock"):
        post(staff, f"/api/v1/cluster/files/order-2/{kind}/")
    assert done == [f"{kind} order-2" for kind in ("delete", "truncate", "flip", "lock")]
    assert front.journal.events(is_for_staff=True)[0]["event"] == "lock 5 s, ordered by boss"
    assert "held 1 entry" in post(staff, "/api/v1/cluster/cache/clear/").json()["detail"]
    assert entries(front) == 0


@pytest.mark.parametrize("path", [*ROUTES, *PAGES])
def test_nobody_else_gets_it_done(path: str, ordered: list[Any], done: list[str], front: Front) -> None:
    expected = 302 if path in PAGES else 401
    assert post(Client(), path).status_code == expected
    customer = Client()
    customer.force_login(User.objects.create_user("customer"))
    refused = post(customer, path)
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert not ordered
    assert not done
    assert entries(front) == 1


@pytest.mark.parametrize("path", [*ROUTES, *PAGES])
def test_staff_is_refused_where_the_store_is_not_there_to_be_broken(
    staff: Client, settings: Settings, path: str, ordered: list[Any], done: list[str]
) -> None:
    settings.IS_BREAKABLE = False
    refused = post(staff, path)
    assert refused.status_code == 403
    assert "BOOKSTORE_BREAKABLE" in refused.json()["detail"]
    if path in PAGES:
        assert staff.get(path).status_code == 403
    assert "Break it" not in staff.get("/cluster/").content.decode()
    assert not ordered
    assert not done


@pytest.mark.parametrize("path", [*ROUTES, *PAGES])
def test_a_session_needs_its_token_against_forgery(
    boss: User, path: str, ordered: list[Any], done: list[str]
) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(boss)
    assert post(careful, path).status_code == 403
    assert not ordered
    assert not done


@pytest.mark.parametrize("path", [*ROUTES, "/api/v1/cluster/nodes/catalog-1/drain/"])
@pytest.mark.parametrize(
    "sent",
    [
        {"HTTP_ORIGIN": "https://evil.example"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_ORIGIN": "http://testserver:8001"},
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_SITE": "same-site"},
    ],
    ids=str,
)
def test_a_remembered_login_does_not_count_from_other_origins(
    boss: User, path: str, sent: dict[str, str], ordered: list[Any], done: list[str]
) -> None:
    """A browser sends what it knows for HTTP Basic along with any form, wherever the form comes from."""
    refused = post(Client(), path, **BASIC, **sent)
    assert refused.status_code == 403
    assert "other origins" in refused.json()["detail"]
    assert not ordered
    assert not done


def test_own_pages_and_programs_may_ask(boss: User) -> None:
    path = "/api/v1/cluster/cache/clear/"
    own = {"HTTP_ORIGIN": "http://testserver", "HTTP_SEC_FETCH_SITE": "same-origin"}
    for sent in ({}, own):
        assert post(Client(), path, **BASIC, **sent).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/cluster/nodes/catalog-9/kill/",
        "/api/v1/cluster/nodes/catalog-1/explode/",
        "/api/v1/cluster/nodes/catalog-1/delete/",
        "/api/v1/cluster/files/front/delete/",
        "/api/v1/cluster/files/default/delete/",
        "/api/v1/cluster/files/..%2Fcatalog-1/delete/",
        "/api/v1/cluster/files/catalog-1/kill/",
        "/cluster/controls/node/explode/catalog-1/",
        "/cluster/controls/file/delete/front/",
        "/cluster/controls/store/clear/catalog-1/",
    ],
)
def test_there_are_no_other_controls(staff: Client, path: str, ordered: list[Any], done: list[str]) -> None:
    assert post(staff, path).status_code == 404
    assert not ordered
    assert not done


def test_nonsense_in_a_body_is_refused(staff: Client) -> None:
    for body in ({}, {"book": 0}, {"book": "x"}, {"book": 1, "more": 1}):
        answer = staff.post("/api/v1/cluster/rush/", data=body, content_type="application/json")
        assert answer.status_code == 400, body
    answer = staff.post("/api/v1/cluster/cache/clear/", data={"x": 1}, content_type="application/json")
    assert answer.status_code == 400


@pytest.mark.parametrize("path", PAGES)
def test_a_page_says_first_what_will_happen_and_then_what_was_done(
    staff: Client, path: str, ordered: list[Any], done: list[str]
) -> None:
    asked = staff.get(path).content.decode()
    assert "<form" in asked
    assert not ordered
    assert not done
    answer = staff.post(path, data={"book": "1"}, follow=True)
    assert answer.redirect_chain == [("/cluster/", 302)]
    assert 'class="told"' in answer.content.decode()


def test_what_is_foretold_names_who_goes_on() -> None:
    for node in topology.NODES.values():
        for _, targets in fault_injection.offered({permissions.BREAK_STORE, permissions.DRAIN_REPLICA}):
            for target in targets:
                assert "{" not in target.foretold
                assert target.name in target.foretold
        assert node.name
    assert "order-2 takes over" in fault_injection.find("node", "kill", "order-1").foretold


def test_a_supervisor_that_refuses_is_quoted(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> str:
        raise problems.Conflict("catalog-1 isn't running: there is nothing to pause.")

    monkeypatch.setattr(supervisor_client, "order", refuse)
    assert post(staff, "/api/v1/cluster/nodes/catalog-1/pause/").status_code == 409
    shown = staff.post("/cluster/controls/node/pause/catalog-1/")
    assert shown.status_code == 409
    assert "nothing to pause" in shown.content.decode()


def test_a_shared_cache_is_not_cleared_which_is_said_before(
    staff: Client, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/cluster/controls/store/clear/"
    assert "isn’t cleared" not in shown(staff, path)
    assert f'href="{path}"' in shown(staff, "/cluster/")
    monkeypatch.setattr(front.reads, "cache", SharedCache(lru(), secret="s", wait_s=1.0))
    with pytest.raises(problems.Conflict):
        fault_injection.clear_cache(front)
    assert f'href="{path}"' not in shown(staff, "/cluster/")
    for page in (shown(staff, "/cluster/"), shown(staff, path)):
        assert "isn’t cleared" in page
    assert "<button>Clear" not in shown(staff, path)
    assert staff.post(path).status_code == 409


def shown(client: Client, path: str) -> str:
    return client.get(path).content.decode().replace("&#x27;", "’")


def test_a_replica_is_drained_and_let_in_from_the_page(staff: Client, front: Front) -> None:
    (node,) = (node for node in front.catalog.nodes if node.name == "catalog-2")
    try:
        told = staff.post("/cluster/controls/turns/drain/catalog-2/", follow=True).content.decode()
        assert "catalog-2 gets no new requests." in told
        assert front.drains.is_drained(node)
        refused = staff.post("/cluster/controls/turns/drain/catalog-1/")
        assert refused.status_code == 409
    finally:
        staff.post("/cluster/controls/turns/undrain/catalog-2/")
    assert not front.drains.is_drained(node)
    assert staff.post("/cluster/controls/turns/drain/front/").status_code == 404


def test_the_pages_are_there_for_everybody_while_the_accounts_cannot_be_read(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for who was logged in."""

    def fail(*args: Any, **options: Any) -> None:
        connections[topology.ACCOUNTS].errors_occurred = True
        raise DatabaseError("file is not a database")

    assert "Log out boss" in staff.get("/cluster/").content.decode()
    with monkeypatch.context() as broken:
        broken.setattr("django.contrib.sessions.backends.db.SessionStore.load", fail)
        for path in ("/cluster/", "/cluster/live/", "/basket/"):
            answer = staff.get(path)
            assert answer.status_code == 200
            assert "Log out" not in answer.content.decode()
        assert staff.get("/cluster/controls/node/kill/catalog-1/").status_code == 503


# ------------------------------------------------------------------------------------------------- a rush


def rushed(front: Front, answer: Callable[[int], client.Reply]) -> tuple[str, list[dict[str, str]]]:
    """The event that tells how a rush ended in which customers got those answers, and the headers that they sent."""
    sent: list[dict[str, str]] = []
    lock = threading.Lock()

    def sell(node: topology.Node, method: str, path: str, **options: Any) -> client.Reply:
        with lock:
            sent.append(dict(options["extra_headers"]))
            number = len(sent)
        return answer(number)

    assert "customers are on their way" in LoadBurst(front, sell).start(1)
    wait_for(lambda: any("at once" in event["event"] for event in front.journal.events()))
    wait_for(lambda: not front.burst_lock.locked())
    return str(front.journal.events()[0]["event"]), sent


def test_a_rush_is_a_hundred_purchases_with_keys_and_ids_of_their_own_and_tells_how_it_ended(front: Front) -> None:
    told, sent = rushed(
        front, lambda number: fakes.json_reply({}, 201) if number <= 60 else fakes.problem_reply("out_of_stock")
    )
    assert told.startswith(f"{CUSTOMERS} purchases of book 1 at once: 60 sold, 40 told that it is sold out, in ")
    assert len({each["Idempotency-Key"] for each in sent}) == CUSTOMERS
    ids = {each["X-Request-Id"] for each in sent}
    assert len(ids) == CUSTOMERS
    assert all(is_acceptable(each) for each in ids)
    first, last = told.partition("(requests ")[2].rstrip(")").split(" to ")
    assert {first, last} <= ids, "the event names them, for `trace`"


def test_a_rush_tells_apart_who_was_turned_away_and_who_found_the_book_sold_out(front: Front) -> None:
    codes = {0: "out_of_stock", 1: "unavailable", 2: "not_found", 3: "outcome_unknown", 4: "throttled"}

    def answer(number: int) -> client.Reply:
        if number % 10 == 5:
            raise client.NeverSent("front")
        if number % 10 == 6:
            raise client.NoAnswer("front")
        code = codes.get(number % 10)
        return fakes.problem_reply(code) if code else fakes.json_reply({}, 201)

    told, _ = rushed(front, answer)
    assert (
        "30 sold, 10 told that it is sold out, 30 turned away unserved, 10 refused, 20 left not knowing, in "
    ) in told


def test_one_rush_at_a_time(front: Front) -> None:
    go = threading.Event()

    def wait(node: topology.Node, method: str, path: str, **options: Any) -> client.Reply:
        go.wait(PATIENCE_S)
        raise client.NoAnswer(node.name)

    LoadBurst(front, wait).start(1)
    with pytest.raises(problems.Conflict):
        LoadBurst(front, wait).start(1)
    go.set()
    wait_for(lambda: any("left not knowing" in event["event"] for event in front.journal.events()))
    wait_for(lambda: not front.burst_lock.locked())
