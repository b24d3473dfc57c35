"""Batches of an import when something comes in between: a store that can't, or an impatient user."""

import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from bookstore_project.api.problems import StoreError
from bookstore_project.replication import failpoints
from bookstore_project.replication.errors import OutcomeUnknown, Unavailable
from catalog_app.importing import batches
from catalog_app.importing.isbn import Found
from catalog_app.importing.past import Past
from catalog_app.importing.rows import Row
from catalog_app.tests.import_helpers import assert_replicas_agree, books, run_import, titles


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Ten clean rows."""
    path = tmp_path / "many.csv"
    path.write_text("title,price\n" + "".join(f"Volume {number},{number}.50\n" for number in range(10)))
    return path


@pytest.mark.parametrize("point", ["begun", "before-commit", "committed-catalog-1", "committed", "invalidated"])
def test_an_interrupted_import_loses_and_doubles_nothing(empty_store: Path, many: Path, point: str) -> None:
    reached = 0

    def interrupt_third_batch() -> None:
        nonlocal reached
        reached += 1
        if reached == 3:
            raise KeyboardInterrupt

    failpoints.hooks[point] = interrupt_third_batch
    err = io.StringIO()
    with pytest.raises(SystemExit) as exit_:
        call_command("import_books", str(many), "--batch-size", "3", stdout=io.StringIO(), stderr=err)
    assert exit_.value.code == 130
    assert "6 new books are in" in err.getvalue()
    failpoints.hooks.clear()
    assert len(books()) in (6, 9)
    assert f"{10 - len(books())} imported, {len(books())} already there" in run_import(many)
    assert sorted(titles()) == [f"Volume {number}" for number in range(10)]
    assert_replicas_agree()


@dataclass
class Waiting:
    """Pauses that take no time but on its own clock."""

    pauses: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def patience(self) -> batches.Patience:
        return batches.Patience(tell=self.said.append, pause=self.pauses.append, clock=lambda: sum(self.pauses))


@pytest.fixture
def past() -> Iterator[Past]:
    with closing(Past()) as past:
        yield past


def make_row(title: str) -> Row:
    return Row(2, title, "", None, "general", Decimal(1), 1, frozenset(), Found(None))


@pytest.mark.parametrize(
    ("point", "error", "imported_and_present"),
    [
        ("before-commit", Unavailable, (1, 0)),
        ("committed-catalog-1", OutcomeUnknown, (0, 1)),
    ],
)
def test_a_batch_is_tried_again_until_the_store_takes_it(
    empty_store: Path, past: Past, point: str, error: type[StoreError], imported_and_present: tuple[int, int]
) -> None:
    waiting = Waiting()

    def fail() -> None:
        if len(waiting.pauses) >= (2 if error is Unavailable else 1):
            failpoints.hooks.clear()
            return
        raise error("catalog-2 is being repaired.")

    failpoints.hooks[point] = fail
    done = batches.write_batch([make_row("Emma")], past, update=False, patience=waiting.patience())
    assert (done.imported, done.present) == imported_and_present
    assert titles() == ["Emma"]
    assert waiting.said[0] == "catalog-2 is being repaired. Trying the batch again in 0.2 s."
    assert waiting.pauses == ([0.2, 0.4] if error is Unavailable else [0.2])
    assert_replicas_agree()


def test_a_store_that_stays_away_ends_the_import(empty_store: Path, past: Past) -> None:
    waiting = Waiting()

    def fail() -> None:
        raise Unavailable("Nobody is in sync.")

    failpoints.hooks["begun"] = fail
    with pytest.raises(Unavailable):
        batches.write_batch([make_row("Emma")], past, update=False, patience=waiting.patience())
    assert batches.PATIENCE_S <= sum(waiting.pauses) <= batches.PATIENCE_S + batches.LONGEST_PAUSE_S
    assert max(waiting.pauses) == batches.LONGEST_PAUSE_S


def test_an_import_that_gives_up_says_how_far_it_came(
    empty_store: Path, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PATIENCE_S", 0.0)
    tries = 0

    def fail_second_batch() -> None:
        nonlocal tries
        tries += 1
        if tries == 2:
            raise Unavailable("Nobody is in sync.")

    failpoints.hooks["begun"] = fail_second_batch
    with pytest.raises(CommandError, match=r"Nobody is in sync\. 4 new books are in"):
        run_import(many, "--batch-size", "4")
