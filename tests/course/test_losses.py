"""`make usual-way` counts what was lost, and nothing else: histories and files of which all is known."""

from collections.abc import Mapping

from benchmarks.losses.__main__ import Report, table
from benchmarks.losses.judge import CREATED, REFUSED, File, History, Look, Purchase, losses

START = {1: 50, 2: 50}
KINDS = ("twice", "nobody", "orders", "rows", "stale")


def sold(*books: int, status: int = CREATED) -> list[Purchase]:
    return [Purchase(book, status, f"order-{number}") for number, book in enumerate(books)]


def file(*books: int, taken: Mapping[int, int] | None = None) -> File:
    """What a replica has after these sales; `taken`: copies that are gone, if it isn't one for each."""
    gone = taken or {book: books.count(book) for book in START}
    orders = {f"order-{number}": (book,) for number, book in enumerate(books)}
    return File({book: copies - gone.get(book, 0) for book, copies in START.items()}, orders)


def counted(history: History, *files: File) -> dict[str, int]:
    found = losses(history, START, files)
    return {kind: loss.count for kind, loss in zip(KINDS, found, strict=True) if loss.count}


def test_what_was_sold_and_is_there_is_no_loss() -> None:
    history = History(
        [*sold(1, 2, 2), Purchase(1, REFUSED), Purchase(2, 0)], [Look(49, 50), Look(48, 49), Look(48, 48)]
    )
    assert counted(history, file(1, 2, 2), file(1, 2, 2)) == {}


def test_more_orders_than_copies_that_are_gone_are_copies_sold_twice() -> None:
    assert counted(History(sold(1, 1, 1)), *[file(1, 1, 1, taken={1: 1})] * 2) == {"twice": 2}


def test_copies_without_an_order_are_sold_to_nobody() -> None:
    assert counted(History(sold(1)), *[file(1, taken={1: 3})] * 2) == {"nobody": 2}


def test_an_order_that_only_one_file_has_is_lost() -> None:
    assert counted(History(sold(1, 2)), file(1, 2), file(1, taken={1: 1, 2: 1})) == {"orders": 1}
    examples = [loss.example for loss in losses(History(sold(1, 2)), START, [file(1, 2), file(1)])]
    assert "order order-1… of book 2 is in order-1 alone" in examples


def test_so_is_one_that_was_not_acknowledged_before_the_kill() -> None:
    """What the report draws as a lost order: saved to one file, and no answer."""
    history, files = History([*sold(1), Purchase(2, 0)]), [file(1, 2), file(1, taken={1: 1, 2: 1})]
    assert counted(history, *files) == {"orders": 1}
    (example,) = [loss.example for loss in losses(history, START, files) if loss.example]
    assert example == "order order-1… of book 2 is in order-1 alone, and its customer got no answer"


def test_an_order_that_is_another_in_each_file_is_a_different_row() -> None:
    files = [File(file(1).stock, {"order-0": (1, price)}) for price in (9.5, 12.5)]
    assert counted(History(sold(1)), *files) == {"rows": 1}


def test_stock_that_differs_is_a_different_row() -> None:
    assert counted(History(sold(1)), file(1), file(1, taken={1: 2})) == {"rows": 1}


def test_a_read_that_shows_more_than_one_before_it_is_stale() -> None:
    assert counted(History(looks=[Look(50, 49), Look(49, 49), Look(51, 49)]), file(), file()) == {"stale": 2}


def test_both_stand_side_by_side_with_an_example() -> None:
    usual = History(sold(1, 1), [Look(50, 49)])
    ours = History([*sold(1, 1), Purchase(1, 503)])
    reports = [
        Report("usual", usual, losses(usual, START, [file(1, 1, taken={1: 1})] * 2)),
        Report("ours", ours, losses(ours, START, [file(1, 1)] * 2)),
    ]
    lines = [line.split() for line in table(reports).splitlines()]
    assert ["copies", "sold", "twice", "1", "0"] in lines
    assert ["stale", "reads", "1", "of", "1", "0", "of", "0"] in lines
    assert ["…", "failed,", "or", "got", "no", "answer", "0", "1"] in lines
    assert "Of usual, for example:" in table(reports)
    assert "Of ours" not in table(reports)
