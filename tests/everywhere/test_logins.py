"""Who guesses passwords is slowed down, at every node and by every way in; who knows one gets in meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.db import DatabaseError, connections
from django.test import Client
from rest_framework.authtoken.models import Token

from bookstore_project.api import passwords
from bookstore_project.api.login_attempts import ADDRESS, EVERYBODY, PAIR, TOKENS, attempts
from bookstore_project.api.problems import Throttled
from bookstore_project.api.tests.api import PASSWORD, assert_problem, basic
from bookstore_project.settings import topology
from tests.everywhere import nodes
from tests.everywhere.conftest import Being
from tests.waiting import PATIENCE_S

AT = {"front": "/api/v1/orders/", "catalog-1": "/api/v1/books/", "order-1": "/api/v1/orders/"}
"""A read of each node; wrong credentials are refused everywhere."""
FORMS = [
    *((node, "/api-auth/login/") for node in nodes.URLS),
    *((node, "/admin/login/") for node in nodes.URLS if node != "front"),
]
HOME, AWAY = "192.0.2.1", "198.51.100.7"


@pytest.fixture(autouse=True)
def hashed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names for which a password was hashed, unknown ones too. Each test begins without what is remembered."""
    passwords.verified.clear()
    names: list[str] = []
    original = ModelBackend.authenticate

    def authenticate(self: Any, request: Any, username: str = "", **more: Any) -> Any:
        names.append(username)
        return original(self, request, username=username, **more)

    monkeypatch.setattr(ModelBackend, "authenticate", authenticate)
    yield names
    passwords.verified.clear()


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long hashing takes: no limit runs out in the middle of a test."""
    now = time.time()
    monkeypatch.setattr(attempts.table, "_clock", lambda: now)


def ask(node: str, user: str, password: str = PASSWORD, *, address: str = HOME, **sent: str) -> Any:
    client = Client(raise_request_exception=False, REMOTE_ADDR=address)
    return client.get(AT[node], headers=basic(user, password) | sent)


def fill_in(path: str, user: str, password: str, address: str = HOME, **sent: str) -> Any:
    client = Client(raise_request_exception=False, REMOTE_ADDR=address)
    return client.post(f"{path}?next=/healthz", {"username": user, "password": password}, headers=sent)


@pytest.mark.parametrize("node", nodes.URLS)
def test_guesses_by_basic_end_in_429(being: Being, hashed: list[str], node: str) -> None:
    with being(node):
        answers = [ask(node, "ann", f"guess {number}") for number in range(30)]
        for number, answer in enumerate(answers):
            if number < PAIR.most:
                assert_problem(answer, 401, "not_authenticated")
            else:
                assert_problem(answer, 429, "throttled")
                assert 1 <= int(answer.headers["Retry-After"]) <= PAIR.every_s
        assert len(hashed) == PAIR.most, "what is refused costs no hash"
        page = ask(node, "ann", "guess 99", Accept="text/html")
        assert (page.status_code, page.headers["Retry-After"].isdigit()) == (429, True)


@pytest.mark.parametrize(("node", "path"), FORMS)
def test_guesses_in_a_form_end_in_429(being: Being, hashed: list[str], node: str, path: str) -> None:
    with being(node):
        for number in range(30):
            answer = fill_in(path, "ann", f"guess {number}")
            assert answer.status_code == (200 if number < PAIR.most else 429)
        assert_problem(answer, 429, "throttled")
        page = fill_in(path, "ann", "guess", Accept="text/html")
        assert (page.status_code, page.headers["Content-Type"]) == (429, "text/html; charset=utf-8")
        assert page.headers["Retry-After"].isdigit()
        assert len(hashed) == PAIR.most


def test_all_nodes_and_all_ways_count_together(being: Being, hashed: list[str]) -> None:
    for number in range(20):
        node, path = FORMS[number % len(FORMS)]
        with being(node):
            fill_in(path, "ann", f"guess {number}") if number % 2 else ask(node, "ann", f"guess {number}")
    assert len(hashed) == PAIR.most


@pytest.mark.parametrize("node", nodes.URLS)
def test_many_names_from_one_address_cost_few_hashes_whatever_the_names_are(
    being: Being, hashed: list[str], node: str
) -> None:
    with being(node):
        for number in range(60):
            ask(node, f"{number}" * 100, "guess", **{"X-Forwarded-For": f"203.0.113.{number}"})
        assert len(hashed) == ADDRESS.most
        assert_problem(ask(node, "ann", "guess", address=AWAY), 401, "not_authenticated")


def test_a_crowd_of_addresses_costs_no_more_than_a_core_has_time_for(being: Being, hashed: list[str]) -> None:
    with being("front"):
        for number in range(150):
            ask("front", f"user-{number}", "guess", address=f"10.0.0.{number}")
        assert len(hashed) <= EVERYBODY.most * 2
        assert len(hashed) < 150


@pytest.mark.large
@pytest.mark.parametrize("node", nodes.URLS)
def test_who_has_logged_in_from_there_before_gets_in_whatever_others_guess(
    being: Being, hashed: list[str], node: str
) -> None:
    with being(node):
        assert ask(node, "ann").status_code == 200
        passwords.verified.clear()  # As in another process, or after a restart.
        for number in range(100):
            ask(node, "ann", f"guess {number}", address=f"10.0.0.{number}")
            ask(node, f"user-{number}", "guess")
        assert ask(node, "ann", address=AWAY).status_code == 429
        assert ask(node, "ann").status_code == 200


@pytest.mark.parametrize(("node", "path"), FORMS)
def test_a_password_that_was_right_here_is_known_without_hashing_while_somebody_guesses_beside(
    being: Being, hashed: list[str], node: str, path: str
) -> None:
    """From the same address, at the same account."""
    with being(node):
        assert fill_in(path, "root", PASSWORD).status_code == 302
        for number in range(20):
            ask(node, "root", f"guess {number}")
        before = len(hashed)
        assert fill_in(path, "root", PASSWORD).status_code == 302
        assert ask(node, "root").status_code == 200
        assert len(hashed) == before
        User.objects.filter(username="root").update(is_active=False)
        assert ask(node, "root").status_code in (401, 429)


def test_tokens_and_sessions_work_while_somebody_guesses(being: Being) -> None:
    with being("front"):
        ann = User.objects.get(username="ann")
        browser = Client(REMOTE_ADDR=HOME)
        browser.force_login(ann)
        token = {"Authorization": f"Token {Token.objects.create(user=ann).key}"}
        answers = [
            Client(REMOTE_ADDR=HOME).get("/api/v1/orders/", headers={"Authorization": f"Token {number}"})
            for number in range(TOKENS.most + 5)
        ]
        assert [answer.status_code for answer in answers] == [401] * TOKENS.most + [429] * 5
        for number in range(30):
            ask("front", "ann", f"guess {number}")
        assert browser.get("/api/v1/orders/").status_code == 200
        assert Client(REMOTE_ADDR=HOME).get("/api/v1/orders/", headers=token).status_code == 200
        assert Client(REMOTE_ADDR=HOME).get("/product/1").status_code == 200


def test_a_refused_guess_does_not_ask_the_accounts(
    being: Being, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    with being("front"):
        for number in range(PAIR.most):
            ask("front", "ann", f"guess {number}")
        with django_assert_num_queries(0, connection=connections[topology.ACCOUNTS]):
            assert ask("front", "ann", "one more").status_code == 429


def test_accounts_that_cannot_be_read_count_as_no_guess(being: Being, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> None:
        connections[topology.ACCOUNTS].errors_occurred = True
        raise DatabaseError("file is not a database")

    with being("front"):
        with monkeypatch.context() as broken:
            broken.setattr(ModelBackend, "authenticate", fail)
            for number in range(20):
                assert_problem(ask("front", "ann", f"guess {number}"), 503, "unavailable")
        assert ask("front", "ann").status_code == 200


# ------------------------------------------------------------------------------------------ one after the other


class Hashing:
    """Hashes that take until they are let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.begun = threading.Semaphore(0)

    def __call__(self, *args: Any, **options: Any) -> None:
        self.begun.release()
        assert self.let_go.wait(PATIENCE_S)


def noting_waits() -> tuple[threading.Semaphore, Callable[..., bool]]:
    """In place of `Event.wait`; the semaphore counts those who have come to it."""
    joined = threading.Semaphore(0)
    wait = threading.Event.wait

    def joining(event: threading.Event, timeout: float | None = None) -> bool:
        joined.release()
        return wait(event, timeout)

    return joined, joining


def test_guesses_in_plenty_wait_for_one_hash_at_a_time_and_the_familiar_do_not_wait_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashing = Hashing()
    monkeypatch.setattr(ModelBackend, "authenticate", hashing)
    monkeypatch.setattr(attempts, "begin", lambda account, address: account == "familiar")
    backend = passwords.PasswordBackend()
    waiting = threading.Semaphore(0)

    def guess(number: int) -> str:
        try:
            backend.authenticate(None, f"user-{number}", "guess")
        except Throttled:
            waiting.release()
            return "refused"
        return "looked at"

    with ThreadPoolExecutor(21) as pool:
        crowd = [pool.submit(guess, number) for number in range(20)]
        assert hashing.begun.acquire(timeout=PATIENCE_S)
        for _ in range(17):
            assert waiting.acquire(timeout=PATIENCE_S), "all but one at work and two in line are told at once"
        assert not hashing.begun.acquire(blocking=False)
        familiar = pool.submit(backend.authenticate, None, "familiar", "right")
        assert hashing.begun.acquire(timeout=PATIENCE_S), "beside the guess, not behind it"
        hashing.let_go.set()
        assert familiar.result() is None
        assert sorted(each.result() for each in crowd) == ["looked at"] * 3 + ["refused"] * 17


def test_the_same_password_asked_for_many_times_at_once_is_hashed_once(
    being: Being, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when several programs of one account begin together."""
    hashing = Hashing()
    ann = User(username="ann", pk=1)
    counted: list[int] = []

    def authenticate(*args: Any, **options: Any) -> User:
        counted.append(1)
        hashing()
        return ann

    monkeypatch.setattr(ModelBackend, "authenticate", authenticate)
    joined, joining = noting_waits()
    monkeypatch.setattr(
        passwords, "_remembered", lambda claim, *rest: ann if passwords.verified.has_key(claim) else None
    )
    backend = passwords.PasswordBackend()
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(backend.authenticate, None, "ann", "right")
        assert hashing.begun.acquire(timeout=PATIENCE_S)
        monkeypatch.setattr(threading.Event, "wait", joining)
        others = [pool.submit(backend.authenticate, None, "ann", "right") for _ in range(5)]
        for _ in range(5):
            assert joined.acquire(timeout=PATIENCE_S)
        hashing.let_go.set()
        assert [each.result() for each in (first, *others)] == [ann] * 6
    assert counted == [1]


def test_a_check_that_takes_too_long_is_no_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    hashing = Hashing()
    monkeypatch.setattr(ModelBackend, "authenticate", hashing)
    monkeypatch.setattr(attempts, "begin", lambda account, address: True)
    monkeypatch.setattr(passwords, "LONGEST_WAIT_S", 0.01)
    backend = passwords.PasswordBackend()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(backend.authenticate, None, "ann", "right")
        assert hashing.begun.acquire(timeout=PATIENCE_S)
        with pytest.raises(Throttled):
            backend.authenticate(None, "ann", "right")
        hashing.let_go.set()
        first.result()


def test_who_waits_for_a_check_that_is_cut_short_makes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The accounts couldn't be read for a moment, say: that tells nothing of the password."""
    hashing = Hashing()
    ann = User(username="ann", pk=1)
    answers = iter((DatabaseError("locked"), ann))

    def authenticate(*args: Any, **options: Any) -> User:
        answer = next(answers)
        if isinstance(answer, Exception):
            hashing()
            raise answer
        return answer

    monkeypatch.setattr(ModelBackend, "authenticate", authenticate)
    monkeypatch.setattr(attempts, "begin", lambda account, address: True)
    joined, joining = noting_waits()
    backend = passwords.PasswordBackend()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(backend.authenticate, None, "ann", "right")
        assert hashing.begun.acquire(timeout=PATIENCE_S)
        monkeypatch.setattr(threading.Event, "wait", joining)
        other = pool.submit(backend.authenticate, None, "ann", "right")
        assert joined.acquire(timeout=PATIENCE_S)
        hashing.let_go.set()
        with pytest.raises(DatabaseError):
            first.result()
        assert other.result() is ann
