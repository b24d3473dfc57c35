"""Every pair of file faults, on both services, in each order, at different moments: what is right is in the tables.

Whatever happens, no answer is wrong and nothing that was acknowledged is lost without an operator's command, which
says beforehand what that will be.
"""

from collections.abc import Callable, Iterator

import pytest
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.service import get_service
from bookstore_project.replication.tests.support import file_faults
from bookstore_project.replication.tests.support.fault_case import GOES_ON, Case
from bookstore_project.replication.tests.support.file_faults import FAULTS, Prepared, Stranger
from bookstore_project.replication.tests.support.workloads import GOODS

pytestmark = pytest.mark.processes

# ---------------------------------------------------------------------------------------------- the stores


@pytest.fixture(scope="module")
def stranger() -> Iterator[Stranger]:
    made = Stranger()
    yield made
    made.end()


@pytest.fixture(scope="module")
def prepared(
    lay_out: Callable[[], None], tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> dict[str, Prepared]:
    with django_db_blocker.unblock():
        lay_out()
        made = {name: file_faults.prepare(goods, tmp_path_factory.mktemp(name)) for name, goods in GOODS.items()}
        connections.close_all()
    return made


@pytest.fixture
def case(
    request: pytest.FixtureRequest,
    prepared: dict[str, Prepared],
    stranger: Stranger,
    monkeypatch: pytest.MonkeyPatch,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Case]:
    """A store whose processes have begun, and have read and written."""
    service = get_service(request.param)
    monkeypatch.setattr(replication_settings, "lease_s", 0)

    for alias in service.aliases:
        monkeypatch.setitem(connections.settings[alias]["OPTIONS"], "timeout", file_faults.BUSY_S)
    with django_db_blocker.unblock():
        file_faults.forget_everything()
        file_faults.lay_out(prepared[service.name], service, stranger)
        made = Case(GOODS[service.name], stranger, prepared[service.name].count)
        made.look()
        yield made
        made.heal()
        connections.close_all()
        stranger.clear(*(replication_settings.files[alias] for alias in service.aliases))


# ---------------------------------------------------------------------------------------------- the answers

AT_ONCE = """
            deleted old half garbage in-place wal shm flipped edited locked
deleted        x     !   x      x       x      !   h     x      x      h
old            !     !   !      !       !      !   h     !      !      h
half           x     !   x      x       x      !   h     x      x      h
garbage        x     !   x      x       x      !   h     x      x      h
in-place       x     !   x      x       x      !   h     x      x      h
wal            !     !   !      !       !      !   h     !      !      h
shm            h     h   h      h       h      h   h     h      h      h
flipped        x     !   x      x       x      !   h     x      x      h
edited         x     !   x      x       x      !   h     x      x      h
locked         h     h   h      h       h      h   h     h      h      h
"""
"""Both files are struck between two requests, or (but for `shm`) while nothing runs. Neither can be done without, so
that the store refuses until a lock is let go, or a check has shown that nothing is missing (`shm`). An old copy lacks
what is newer, and a file without its `-wal` what that held; the rest is whole, and can be promoted. Where neither is
whole, a backup helps."""

NOTICED = """
            deleted old half garbage in-place wal shm flipped edited locked
deleted        x     !   x      x       !x     !   h     x      x      h
old            !     !   !      !       !      !   h     !      !      h
half           x     !   x      x       !x     !   h     x      x      h
garbage        x     !   x      x       !x     !   h     x      x      h
in-place       x     !   x      x       !x     !   h     x      x      h
wal            !     !   !      !       !      !   h     !      !      h
shm            !     !   !      !       !      !   h     !      !      h
flipped        x     !   x      x       !x     !   h     x      x      h
edited         x     !   x      x       !x     !   h     x      x      h
locked         !     !   !      !       !      !   h     !      !      h
"""
"""The first file is out, and the store has gone on with the second one, when that is struck. Where the first one is
whole (`old`, `wal`, `shm`, `locked`) it can be promoted, and what the second one alone was told is lost. Whether an
old copy that was written into the second one can be promoted depends on the `-wal` beside it (`in-place`)."""


def answer(table: str, first: str, second: str) -> str:
    """The cell of a pair: what comes of it, or what may."""
    lines = [line.split() for line in table.strip().splitlines()]
    row = next(line[1:] for line in lines[1:] if line[0] == first)
    return row[lines[0].index(second)]


NAMES = list(FAULTS)
ORDERED = [(first, second) for first in NAMES for second in NAMES]
UNORDERED = [(first, second) for first, second in ORDERED if NAMES.index(first) <= NAMES.index(second)]


def by_turns(pairs: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Each pair on one of the services: their answers are the same."""
    return [(list(GOODS)[number % 2], *pair) for number, pair in enumerate(pairs)]


def test_the_table_of_what_happens_at_once_knows_no_first_and_second() -> None:
    assert all(answer(AT_ONCE, *pair) == answer(AT_ONCE, *reversed(pair)) for pair in ORDERED)


@pytest.mark.parametrize("case", GOODS, indirect=True)
@pytest.mark.parametrize(("first", "second"), UNORDERED)
def test_both_files_at_once(case: Case, first: str, second: str) -> None:
    case.strike(case.service.aliases[0], first)
    case.strike(case.service.aliases[1], second)
    assert case.outcome() == answer(AT_ONCE, first, second)


@pytest.mark.parametrize(("case", "first", "second"), by_turns(UNORDERED), indirect=["case"])
def test_both_files_while_nothing_runs(case: Case, first: str, second: str) -> None:
    file_faults.forget_everything()
    case.strike(case.service.aliases[1], first)
    case.strike(case.service.aliases[0], second)
    case.restart()
    # Without connections a -shm is nothing: SQLite makes a new one of what the -wal holds.
    assert case.outcome() == (GOES_ON if "shm" in (first, second) else answer(AT_ONCE, first, second))


@pytest.mark.parametrize(("case", "first", "second"), by_turns(ORDERED), indirect=["case"])
def test_the_other_file_after_the_first_was_noticed(case: Case, first: str, second: str) -> None:
    case.strike(case.service.aliases[0], first)
    case.notice()
    case.strike(case.service.aliases[1], second)
    assert case.outcome() in answer(NOTICED, first, second)


@pytest.mark.parametrize(("case", "first", "second"), by_turns(UNORDERED), indirect=["case"])
def test_one_file_twice(case: Case, first: str, second: str) -> None:
    number = NAMES.index(first) + NAMES.index(second)
    for name in (first, second) if number % 2 else (second, first):
        case.strike(case.service.aliases[number // 2 % 2], name)
    assert case.outcome() == GOES_ON
