"""Failed logins are counted by account and address, in a table of fixed size that all processes share."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from bookstore_project.api import login_attempts as module
from bookstore_project.api.client_address import client_address
from bookstore_project.api.login_attempts import (
    ACCOUNT,
    ADDRESS,
    EVERYBODY,
    FAMILIAR_PAIR,
    PAIR,
    SIZE_BYTES,
    TOKENS,
    Attempts,
    Table,
)
from bookstore_project.api.problems import Throttled
from bookstore_project.settings import environment, topology
from tests.clock import Clock

HOME, AWAY = "192.0.2.1", "198.51.100.7"


@pytest.fixture
def clock() -> Clock:
    return Clock(1_700_000_000.0)


@pytest.fixture
def attempts(tmp_path: Path, clock: Clock) -> Attempts:
    return Attempts(Table(tmp_path / "attempts", lambda: "a secret", clock))


def another(attempts: Attempts, clock: Clock) -> Attempts:
    """As another process has it."""
    return Attempts(Table(attempts.table.path, lambda: "a secret", clock))


def wait_s(attempts: Attempts, account: str, address: str) -> int:
    """How long a login there has to wait; 0 if it is let in, and then counted as failed."""
    try:
        attempts.begin(account, address)
    except Throttled as refused:
        return refused.wait_s
    return 0


def log_in(attempts: Attempts, account: str, address: str) -> None:
    attempts.succeeded(account, address, attempts.begin(account, address))


def guesses(attempts: Attempts, account: str, address: str, most: int = 1000) -> int:
    """How many are let in, one after the other, until one isn't."""
    return next((number for number in range(most) if wait_s(attempts, account, address)), most)


def test_one_account_from_one_address(attempts: Attempts, clock: Clock) -> None:
    assert guesses(attempts, "staff", HOME) == PAIR.most
    assert wait_s(attempts, "staff", HOME) == PAIR.every_s
    assert wait_s(attempts, "staff", AWAY) == 0
    assert wait_s(attempts, "other", HOME) == 0


def test_what_is_refused_makes_nobody_wait_longer(attempts: Attempts, clock: Clock) -> None:
    guesses(attempts, "staff", HOME)
    for _ in range(500):
        assert wait_s(attempts, "staff", HOME) == PAIR.every_s
    clock.now += PAIR.every_s
    assert wait_s(attempts, "staff", HOME) == 0


def test_all_accounts_from_one_address(attempts: Attempts) -> None:
    let_in = [name for name in range(100) if not wait_s(attempts, f"user-{name}", HOME)]
    assert len(let_in) == ADDRESS.most
    assert wait_s(attempts, "staff", HOME) == ADDRESS.every_s
    assert wait_s(attempts, "staff", AWAY) == 0


def test_one_account_from_all_addresses_is_slowed_down_and_not_locked(attempts: Attempts, clock: Clock) -> None:
    let_in = [number for number in range(100) if not wait_s(attempts, "staff", f"10.0.0.{number}")]
    assert len(let_in) == ACCOUNT.most
    assert wait_s(attempts, "staff", HOME) == ACCOUNT.every_s
    clock.now += ACCOUNT.every_s
    assert wait_s(attempts, "staff", HOME) == 0


def test_strangers_together_get_no_more_than_a_core_has_time_for(attempts: Attempts, clock: Clock) -> None:
    let_in = [number for number in range(500) if not wait_s(attempts, f"user-{number}", f"10.0.{number % 250}.1")]
    assert len(let_in) == EVERYBODY.most
    clock.now += 10
    assert guesses(attempts, "one", "10.1.0.1") + guesses(attempts, "two", "10.1.0.2") == 10 / EVERYBODY.every_s


def test_who_has_logged_in_from_there_before_waits_for_none_of_them(attempts: Attempts, clock: Clock) -> None:
    log_in(attempts, "staff", HOME)
    for number in range(200):
        wait_s(attempts, "staff", f"10.0.0.{number}")
        wait_s(attempts, f"user-{number}", HOME)
        wait_s(attempts, f"user-{number}", f"10.0.1.{number}")
    assert attempts.begin("staff", HOME) is True
    assert guesses(attempts, "staff", HOME) == FAMILIAR_PAIR.most - 1
    assert wait_s(attempts, "staff", HOME) == FAMILIAR_PAIR.every_s <= 10
    clock.now += module.KNOWN_FOR_S
    assert attempts.begin("staff", HOME) is False


def test_a_right_login_forgets_the_wrong_ones_of_its_own_and_no_others(attempts: Attempts) -> None:
    for _ in range(PAIR.most - 1):
        wait_s(attempts, "staff", HOME)
    log_in(attempts, "staff", HOME)
    assert guesses(attempts, "staff", HOME) == FAMILIAR_PAIR.most
    for name in range(ADDRESS.most):
        wait_s(attempts, f"user-{name}", AWAY)
    assert wait_s(attempts, "mallory", AWAY) > 0
    log_in(attempts, "mallory", HOME)
    assert wait_s(attempts, "user-99", AWAY) > 0


def test_what_was_neither_right_nor_wrong_does_not_count(attempts: Attempts) -> None:
    for _ in range(100):
        attempts.take_back("staff", HOME, attempts.begin("staff", HOME))
    assert guesses(attempts, "staff", HOME) == PAIR.most


def test_many_at_once_do_not_slip_through_together(attempts: Attempts) -> None:
    """They are counted as they begin: none of these has ended."""
    begun = sum(wait_s(attempts, "staff", HOME) == 0 for _ in range(50))
    assert begun == PAIR.most


def test_all_processes_count_together(attempts: Attempts, clock: Clock) -> None:
    others = [another(attempts, clock) for _ in range(5)]
    assert sum(wait_s(each, "staff", HOME) == 0 for _ in range(4) for each in others) == PAIR.most
    log_in(others[0], "ann", HOME)
    assert others[1].begin("ann", HOME) is True


@pytest.mark.processes
def test_real_processes_count_together(tmp_path: Path) -> None:
    code = """
from bookstore_project.api.login_attempts import Attempts, Table
from bookstore_project.api.problems import Throttled
import sys, pathlib
attempts = Attempts(Table(pathlib.Path(sys.argv[1]), lambda: "s", lambda: 1_700_000_000.0))
for number in range(40):
    try:
        attempts.begin(f"user-{number % 7}", "192.0.2.1")
        print("in")
    except Throttled:
        pass
"""
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "bookstore_project.settings.test"}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "attempts")],
            stdout=subprocess.PIPE, text=True, env=environ, cwd=topology.ROOT,
        )
        for _ in range(3)
    ]  # fmt: skip
    assert sum(process.communicate()[0].count("in") for process in running) == ADDRESS.most


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff" * 1000, b"\0" * SIZE_BYTES, b"\xff" * SIZE_BYTES, b"x" * 5_000_000],
    ids=["empty", "cut", "zeros", "ones", "long"],
)
def test_a_table_that_is_cut_or_garbled_begins_anew(attempts: Attempts, content: bytes) -> None:
    attempts.table.path.write_bytes(content)
    assert 0 < guesses(attempts, "staff", HOME) <= PAIR.most
    attempts.table.path.unlink()
    assert guesses(attempts, "staff", HOME) == PAIR.most


def test_a_table_that_cannot_be_opened_keeps_nobody_out(attempts: Attempts) -> None:
    attempts.table.path.mkdir()
    assert guesses(attempts, "staff", HOME, most=50) == 50
    log_in(attempts, "staff", HOME)
    attempts.unknown_token(HOME)


def test_a_clock_that_goes_back_locks_nobody_out(attempts: Attempts, clock: Clock) -> None:
    guesses(attempts, "staff", HOME)
    clock.now -= 3600
    assert wait_s(attempts, "staff", HOME) <= PAIR.every_s


def test_whatever_is_sent_the_table_keeps_its_size_and_what_matters_most(attempts: Attempts, clock: Clock) -> None:
    log_in(attempts, "staff", HOME)
    guesses(attempts, "guessed", AWAY)
    with attempts.table.opened() as table:
        for number in range(40_000):
            table.add(f"pair\0{'x' * 50}{number}\0\ud800é", 1, 30)
    assert attempts.table.path.stat().st_size <= SIZE_BYTES
    assert attempts.begin("staff", HOME) is True
    assert wait_s(attempts, "guessed", AWAY) > 0
    assert wait_s(attempts, "x" * 1_000_000, "y" * 1000) == 0
    assert b"guessed" not in attempts.table.path.read_bytes()
    assert attempts.table.path.stat().st_mode & 0o777 == 0o600


def test_a_holder_of_the_lock_that_stands_still_holds_up_nobody(attempts: Attempts, clock: Clock) -> None:
    with attempts.table.opened():
        assert guesses(another(attempts, clock), "staff", HOME) == PAIR.most


def test_unknown_tokens_are_counted_apart(attempts: Attempts) -> None:
    for _ in range(TOKENS.most):
        attempts.unknown_token(HOME)
    with pytest.raises(Throttled):
        attempts.unknown_token(HOME)
    attempts.unknown_token(AWAY)
    assert wait_s(attempts, "staff", HOME) == 0


# --------------------------------------------------------------------------------------------- whose address


def seen(settings: Settings, proxies: list[str], peer: str, forwarded: str | None = None) -> str:
    settings.PROXIES = proxies
    sent: dict[str, Any] = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return client_address(RequestFactory().get("/", headers=sent, REMOTE_ADDR=peer))


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "address"),
    [
        ([], "192.0.2.1", "203.0.113.5", "192.0.2.1"),
        (["10.0.0.0/8"], "192.0.2.1", "203.0.113.5", "192.0.2.1"),
        (["10.0.0.1"], "10.0.0.1", "203.0.113.5", "203.0.113.5"),
        (["10.0.0.1"], "10.0.0.1", None, "10.0.0.1"),
        (["10.0.0.1"], "10.0.0.1", "1.1.1.1, 203.0.113.5", "203.0.113.5"),
        (["10.0.0.0/8"], "10.0.0.1", "1.1.1.1, 203.0.113.5, 10.0.0.9, ", "203.0.113.5"),
        (["10.0.0.0/8"], "10.0.0.1", "x" * 5000, "x" * 64),
        ([], "2001:db8::1", None, "2001:db8::/64"),
        ([], "2001:db8::ffff:2", None, "2001:db8::/64"),
        ([], "::ffff:192.0.2.1", None, "192.0.2.1"),
        ([], "", None, ""),
    ],
)
def test_nobody_says_of_himself_where_he_is(
    settings: Settings, proxies: list[str], peer: str, forwarded: str | None, address: str
) -> None:
    assert seen(settings, proxies, peer, forwarded) == address


def test_proxies_are_addresses_or_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKSTORE_PROXIES", "10.0.0.1, 2001:db8::/32")
    assert environment.networks("PROXIES") == ["10.0.0.1", "2001:db8::/32"]
    monkeypatch.setenv("BOOKSTORE_PROXIES", "proxy.example")
    with pytest.raises(Exception, match="PROXIES"):
        environment.networks("PROXIES")
