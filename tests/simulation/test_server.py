"""A store on PostgreSQL is simulated, too: its engine's own code above servers that behave as documented."""

from typing import Any

import pytest

from tests.simulation.server import dialect
from tests.simulation.server.locks import Locks
from tests.simulation.test_simulation import assert_found, told
from tests.simulation.warm import simulate

TOGETHER = "who buys together with others sees the stock as it was before them"
processes = pytest.mark.processes


@processes
@pytest.mark.large
def test_a_primary_is_lost_again_and_again_the_same_way_each_time() -> None:
    arguments = ("--server", "--operations", "30", "--every", "400", "--faults", "takeover,sessions", "--seed", "1")
    first, second = simulate(*arguments), simulate(*arguments)
    assert first.returncode == 0, first.stdout + first.stderr
    assert " takeover" in first.stdout
    assert told(first) == told(second)


@processes
@pytest.mark.large
@pytest.mark.parametrize(
    ("mutant", "mix", "faults", "seed"),
    [
        pytest.param("a push is confirmed and ignored", "shopping", "none", "1", id="a front's"),
        pytest.param("a new lease is given beside a writer", "shopping", "kill,slow", "4", id="a lease's"),
        pytest.param(TOGETHER, "ordering", "none", "2", id="a purchase's"),
    ],
)
def test_a_broken_engine_is_found_by_a_seed(mutant: str, mix: str, faults: str, seed: str) -> None:
    run = ("--seed", seed, "--operations", "60", "--mix", mix, "--faults", faults, "--every", "60")
    assert_found(mutant, "--server", *run)


# ------------------------------------------------------------------------------- what stands in for the server


def test_a_semicolon_in_a_text_ends_no_statement() -> None:
    message = "INSERT INTO t VALUES ('a; b'';'); SELECT 1;"
    assert list(dialect.statements(message)) == ["INSERT INTO t VALUES ('a; b'';')", "SELECT 1"]


@pytest.mark.parametrize(
    ("value", "written"),
    [("it's", "'it''s'"), (None, "NULL"), (True, "1"), (2.5, "2.5"), (b"\x00\xff", "X'00ff'"), ([1, 2], "'[1, 2]'")],
)
def test_a_value_is_written_as_sqlite_reads_it(value: Any, written: str) -> None:
    assert dialect.formatted("SELECT %s", (value,)) == f"SELECT {written}"


def test_a_lock_is_shared_or_had_alone() -> None:
    class Client:
        def __init__(self) -> None:
            self.service, self.held = "catalog", set[str]()

    locks, first, second, third = Locks(), Client(), Client(), Client()
    assert locks.take(first, "head", is_shared=True)
    assert locks.take(second, "head", is_shared=True)
    assert not locks.take(third, "head", is_shared=False)
    locks.free(first)
    locks.free(second)
    assert locks.take(third, "head", is_shared=False)
    assert not locks.take(first, "head", is_shared=True)
