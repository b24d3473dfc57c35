"""Each part draws and tells what its figures say, and no more. What is measured is made up here."""

import itertools
import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.losses.__main__ import Report
from benchmarks.losses.judge import CREATED, History, Loss, Purchase
from benchmarks.report import balance, consistency, failing, others, response_times, tpcw, usual_way
from benchmarks.report.generator import Run, closed_loop, open_loop
from benchmarks.report.loads import BOOKS, PURCHASE, QUERY, copies_shown, in_turn, mixed, query
from benchmarks.report.page import write
from benchmarks.report.section import Cost, Section, Table
from tests.report.network import Answered, FakeStore, answer


def run(seconds: float = 2, after_s: float = 0.004) -> Run:
    """Of a store that answers each request in its turn by one of its catalogs."""

    def behave(number: int, now: float, data: bytes) -> Answered:
        is_sale = data.startswith(b"POST")
        said = answer(b'{"quantity": 5}', 201 if is_sale else 200, "miss", f"catalog-{number % 2 + 1}")
        return Answered(after_s, said)

    requests = mixed(itertools.cycle(range(1, BOOKS + 1)), 10)
    return open_loop(FakeStore(behave), requests, rate=100, seconds=seconds, look=copies_shown)


def test_failing_tells_what_failed_and_when_the_front_noticed() -> None:
    marks = [(1.0, "catalog-1 is back in rotation"), (1.6, "catalog-1 stopped answering → requests go to catalog-2")]
    marks += [(1.7, "catalog-2 requests go to nobody"), (2.5, "catalog-1 is back in rotation")]
    each = failing.Round(run(4), 1.5, marks, {"catalog_app_book": (7, 7), "order_app_order": (3, 2)})
    found = failing.section({fault.name: [each] for fault in failing.FAULTS}, 4, Cost("load"))
    assert "0 of 1,200 requests failed" in found.shows
    assert "except 3 times" in found.shows
    (first, second, third) = found.tables[0].rows
    assert first[-2:] == ["0.10 (0.10 … 0.10) s", "1.00 (1.00 … 1.00) s"]
    assert second[-2:] == ["not seen", "not seen"]
    assert third[-2:] == ["0.20 (0.20 … 0.20) s", "not seen"]
    assert sum(int(str(row["sent"])) for row in found.raw["failing"]) == 1200


def test_the_usual_way_is_told_by_what_was_counted() -> None:
    def counted(name: str, twice: int) -> usual_way.Counted:
        history = History(purchases=[Purchase(1, CREATED, "a"), Purchase(1, 0)])
        kinds = [Loss(kind, 0) for kind in usual_way.KINDS if not kind.startswith(("copies sold twice", "stale"))]
        kinds += [Loss("copies sold twice", twice, "book 1: two"), Loss("stale reads, of 9", 0)]
        return usual_way.counted(Report(name, history, kinds))

    found = usual_way.section([counted("the usual way", 3), counted("this store", 0)], 1)
    assert "this store lost nothing" in found.shows
    assert "3 oversold copies, 0 copies sold to nobody" in found.shows
    captions = {plot.name: plot.caption for plot in found.plots}
    assert "book 1: two" in captions["usual_oversold"]
    assert "had none" in captions["usual_stale"]
    assert found.raw["usual_way"][0]["failed"] == 1


def test_stale_reads_are_told_by_mode() -> None:
    found = consistency.section(
        {mode: [(run(), count)] for count, mode in enumerate(consistency.MODES)}, Cost("load")
    )
    assert "0 with `none`, 1 with `push`, 2 with `full`" in found.shows
    assert found.tables[0].rows[2][1] == "2 of 180"
    assert found.tables[0].rows[2][3:5] == ["none", "4.00 (4.00 … 4.00)"]
    assert Counter(row["stale"] for row in found.raw["stale_reads"]) == Counter([0, 1, 2])


def test_after_each_purchase_of_a_book_come_reads_of_it() -> None:
    asked = list(itertools.islice(consistency.buy_and_read(), 2 * (consistency.READS + 1)))
    assert [each.book for each in asked] == [1] * 6 + [2] * 6
    assert [each.kind for each in asked[:6]] == [PURCHASE] + [QUERY] * 5


def test_shares_are_told_by_who_answered() -> None:
    reads = open_loop(
        FakeStore(lambda number, *_: Answered(0.001, answer(replica=f"catalog-{number % 4 // 3 + 1}"))),
        in_turn(query),
        rate=100,
        seconds=balance.LONGEST_S,
    )
    found = balance.section({1: [run()], 8: [run(after_s=0.001)]}, reads, Cost("load"))
    assert "of 200 queries were answered: 150 by catalog-1 and 50 by catalog-2" in found.shows


@pytest.mark.parametrize("mix", tpcw.MIXES)
def test_the_mixes_have_their_weights(mix: str) -> None:
    weights = {kind: getattr(each, mix) for kind, each in tpcw.INTERACTIONS.items()}
    assert sum(weights.values()) == pytest.approx(100, abs=0.02)
    asked = Counter(each.kind for each in itertools.islice(tpcw.requests(mix, "an-order", 1), 20_000))
    for kind, weight in weights.items():
        assert asked[kind] / 200 == pytest.approx(weight, abs=1), kind


def tpcw_run() -> Run:
    store = FakeStore(lambda *_: Answered(0.01, answer()))
    return closed_loop(store, tpcw.requests("shopping", "an-order", 1), clients=tpcw.CLIENTS, seconds=1)


def section_of_tpcw() -> Section:
    runs = {(mix, name): [tpcw_run()] for mix in tpcw.MIXES for name in ("with cache", "without")}
    return tpcw.section(runs, {mix: tpcw_run() for mix in tpcw.MIXES}, Cost("load"))


def test_cached_and_uncached_are_compared() -> None:
    assert "1.00 times (browsing)" in section_of_tpcw().shows


def test_the_cache_is_compared_with_its_simulation() -> None:
    times = {(kind, name): [run().samples] for kind in response_times.MAKERS for name in ("with cache", "without")}
    trace = [1, 2, 1, 3, 2, 1]
    sized = [response_times.Sized(2, 1, 0, 1, 2, [(3, 0), (6, 3)]), response_times.Sized(3, 2, 0, 3, 3, [(6, 0)])]
    found = response_times._section(times, [Cost("load")], sized, trace, "chance")
    assert "within 1 of 6 requests as often as" in found.shows
    assert found.tables[1].rows[0] == ["2", "16.7", "16.7", "33.3"]


def test_all_of_it_fits_a_page(tmp_path: Path) -> None:
    sources = {row[-1] for row in others.PROMISES}
    page = write(tmp_path, {"tpcw": section_of_tpcw()}, {}, "", Table("Cost", ["load"], [])).read_text()
    assert len(page) < 300_000
    assert {source.startswith("https://") for source in sources if source != "docs/DESIGN.md"} == {True}
    assert json.dumps(page)
