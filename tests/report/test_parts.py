"""Each part draws and tells what its figures say, and no more. What is measured is made up here."""

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.losses.__main__ import Report
from benchmarks.losses.judge import CREATED, History, Loss, Purchase
from benchmarks.report import (
    balance,
    consistency,
    consistency_told,
    failing,
    judging,
    others,
    response_times,
    tpcw,
    usual_way,
)
from benchmarks.report.failing_told import section as told_of_faults
from benchmarks.report.faults import CUT_OFF, FAULTS, Plan, Round
from benchmarks.report.generator import Run, Sample, closed_loop, open_loop
from benchmarks.report.loads import BOOKS, PURCHASE, QUERY, UPDATE, copies_shown, in_turn, mixed, price_shown, query
from benchmarks.report.page import write
from benchmarks.report.section import Cost, Effort, Section, Table
from benchmarks.report.stores import Stores
from tests.report.network import Answered, FakeStore, answer

FOUR_SECONDS = Plan(4, 1.5, 1)


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
    before = {"catalog_app_ledgerentry": (7, 7), "order_app_order": (1, 1)}
    each = Round(run(4), 1.5, marks, {"catalog_app_ledgerentry": (7, 7), "order_app_order": (3, 2)}, before)
    found = told_of_faults({fault.name: [each] for fault in FAULTS}, FOUR_SECONDS, Cost("load"))
    assert "0 of 1,600 requests failed" in found.shows
    assert "except 4 times" in found.shows
    (first, second, third, _) = found.tables[0].rows
    assert first[-3::2] == ["0.10 (0.10 … 0.10) s", "1.00 (1.00 … 1.00) s"]
    assert second[-3::2] == ["not seen", "not seen"]
    assert third[-3::2] == ["0.20 (0.20 … 0.20) s", "not seen"]
    assert found.tables[1].rows[1][1:] == ["order_app_order", "1", "1", "3", "2"]
    assert sum(int(str(row["sent"])) for row in found.raw["failing"]) == 1600


def run_with(is_felt: Callable[[int, float], float], seconds: float = 4) -> Run:
    """A hundred requests a second, each of which takes 4 ms, or as long as is said here; less than 0: no answer."""

    def behave(number: int, now: float, data: bytes) -> Answered:
        after_s = is_felt(number, now) or 0.004
        return Answered(abs(after_s), answer() if after_s > 0 else b"")

    return open_loop(FakeStore(behave), in_turn(query), rate=100, seconds=seconds)


@pytest.mark.parametrize(
    ("felt", "masked"),
    [
        (lambda number, now: 0, 0),
        (lambda number, now: 2.25 - now if 1.5 <= now < 2.25 else 0, 0.75),
        (lambda number, now: -0.002 if 1.5 <= now < 1.8 else 0, 0.292),
        (lambda number, now: 0.5 if number == 350 else 0, 0),
        (lambda number, now: 0.5 if number in (60, 160) else 0, 0),
    ],
    ids=["nothing felt", "stood still", "failed", "much later", "no slower than before"],
)
def test_a_fault_is_masked_when_nobody_feels_it_any_more(felt: Callable[[int, float], float], masked: float) -> None:
    assert judging.masked_s(run_with(felt).samples, 1.5) == pytest.approx(masked, abs=0.01)


def test_of_a_front_that_was_cut_off_it_is_told_what_it_answered() -> None:
    """It fails from 1.5 to 2.5 s, and the store makes others wait from 1.5 to 2 s."""
    others_wait = run_with(lambda number, now: 2.0 - now if 1.5 <= now < 2 else 0)
    cut = run_with(lambda number, now: -0.001 if 1.5 <= now < 2.5 else 0)
    each = Round(others_wait, 1.5, [(1.75, "catalog-1 stopped answering → requests go to catalog-2")])
    rounds = {fault.name: [each] for fault in FAULTS} | {CUT_OFF.name: [replace(each, watched=cut, stale=2)]}
    found = told_of_faults(rounds, FOUR_SECONDS, Cost("load"))
    assert "100 of 400 reads got no answer but an error, and 2 were stale" in found.shows
    assert found.tables[0].rows[-1][-3:] == ["0.25 (0.25 … 0.25) s", "0.50 (0.50 … 0.50) s", "not seen"]
    (upper, _) = found.plots[-1].figure.axes
    assert "answered by the cut-off front" in upper.get_legend_handles_labels()[1]


def test_reads_at_another_front_are_judged_by_the_purchases_at_this_one() -> None:
    """The other load began 1 s later: its reads at 0.5 and 0.6 s come after a purchase that was told at 1.4 s."""

    def sample(kind: str, at_s: float, status: int, shown: int | None = None) -> Sample:
        return Sample(kind, 1, at_s, at_s, at_s + 0.01, status, shown=shown)

    here = Run([sample(PURCHASE, 1.4, 201)], 4, 0, began=10)
    there = Run([sample(QUERY, at_s, 200, shown) for at_s, shown in ((0.3, 5), (0.5, 5), (0.6, 4))], 4, 0, began=11)
    assert failing.stale_at_both(here, there, {1: 5}) == 1


def test_the_usual_way_is_told_by_what_was_counted() -> None:
    def counted(name: str, twice: int) -> usual_way.Counted:
        history = History(purchases=[Purchase(1, CREATED, "a"), Purchase(1, 0)])
        kinds = [Loss(kind, 0) for kind in usual_way.KINDS if not kind.startswith(("copies sold twice", "stale"))]
        kinds += [Loss("copies sold twice", twice, "book 1: two"), Loss("stale reads, of 9", 0)]
        return usual_way.counted(Report(name, history, kinds))

    found = usual_way.section([counted("the usual way", 3), counted("this store", 0)], 1)
    assert "this store lost nothing" in found.shows
    assert "oversold copies (3), copies sold to nobody (0)" in found.shows
    captions = {plot.name: plot.caption for plot in found.plots}
    assert "book 1: two" in captions["usual_oversold"]
    assert "had none; the drawing shows what the code allows" in captions["usual_stale"]
    assert found.raw["usual_way"][0]["failed"] == 1


def test_stale_reads_are_told_by_mode() -> None:
    counts = {case.label: count for count, case in enumerate(consistency_told.CASES)}
    rounds = {
        label: [
            consistency_told.Round(PURCHASE, run(), count),
            consistency_told.Round(UPDATE, run_of_changes(0.02), 10),
        ]
        for label, count in counts.items()
    }
    found = consistency_told.section(rounds, Cost("load"))
    assert "10 with `none`, 11 with `push`, and 54 with `full`, on 4 stores" in found.shows
    row = dict(zip(found.tables[0].head, found.tables[0].rows[3], strict=True))
    assert (row["store"], row["replicas, `synchronous`"]) == ("full, one replica", "1, FULL")
    assert row["stale reads"] == "13 of 280"
    assert (row["purchase, ms"], row["update, ms"]) == ("4.00 (4.00 … 4.00)", "20.0 (20.0 … 20.0)")
    assert (row["hit, ms"], row["writes not made"]) == ("none", "0")
    assert Counter(row["stale"] for row in found.raw["stale_reads"]) == Counter([10] * 6 + list(range(6)))


def test_a_quick_report_tells_of_the_modes_that_it_compared() -> None:
    rounds = {
        case.label: [consistency_told.Round(PURCHASE, run(), 1), consistency_told.Round(UPDATE, run(), 0)]
        for case in consistency_told.QUICK_CASES
    }
    found = consistency_told.section(rounds, Cost("load"))
    assert "1 with `none`, and 2 with `full`, on 2 stores" in found.shows
    (curves,) = found.plots[1].figure.axes
    assert [line.get_label() for line in curves.lines] == ["coherence none", "coherence full"]


def run_of_changes(after_s: float, old: Iterable[int] = ()) -> Run:
    """Changes of prices that take so long, and reads that take 1 ms; these ones show the price before."""
    cents: dict[bytes, list[int]] = defaultdict(lambda: [100])

    def behave(number: int, now: float, data: bytes) -> Answered:
        book = data.split()[1].rpartition(b"/product/")[2].removeprefix(b"/api/v1/books/").rstrip(b"/")
        if data.startswith(b"PATCH"):
            cents[book].append(round(100 * float(json.loads(data.rpartition(b"\r\n")[2])["price"])))
        shown = cents[book][-2 if number in old else -1]
        return Answered(after_s if data.startswith(b"PATCH") else 0.001, answer(b'{"price": "%.2f"}' % (shown / 100)))

    asked = consistency.change_and_read(itertools.count(consistency.DEAREST), ("staff", "secret"))
    return open_loop(FakeStore(behave), asked, rate=60, seconds=2, look=price_shown)


def test_stale_prices_are_those_that_had_been_replaced() -> None:
    """Each sixth request changes a price. Read 1 comes while the change is under way, reads 5 and 11 after it."""
    start = dict.fromkeys(range(1, BOOKS + 1), 100)
    found = judging.replaced(run_of_changes(0.02, {1, 5, 11}).samples, start, UPDATE)
    assert [round(sample.due_s * 60) for sample in found] == [5, 11]
    assert all(sample.shown == 100 for sample in found)


def test_stores_that_are_started_together_have_ports_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ports of a store that isn't started yet are free for another one that isn't."""
    ports = iter((1, 1, 1, 2))
    names = ("front", "catalog-1", "catalog-2", "order-1", "order-2")
    monkeypatch.setattr("tests.store.addresses", lambda fronts: dict.fromkeys(names, f"127.0.0.1:{next(ports)}"))
    stores = Stores(tmp_path)
    stores.prepared.mkdir(parents=True)
    made = [stores.made(name, {}) for name in ("one", "two")]
    assert [store.addresses["front"] for store in made] == ["127.0.0.1:1", "127.0.0.1:2"]


def test_of_two_changes_at_once_either_may_be_shown() -> None:
    def change(cents: int, sent_s: float, done_s: float) -> Sample:
        return Sample(UPDATE, 1, sent_s, sent_s, done_s, 200, shown=cents)

    def read(cents: int) -> Sample:
        return Sample(QUERY, 1, 0.5, 0.5, 0.6, 200, shown=cents)

    at_once = [change(101, 0.1, 0.3), change(102, 0.2, 0.4)]
    assert judging.replaced([*at_once, read(101), read(102)], {1: 100}, UPDATE) == []
    assert judging.replaced([*at_once, read(100)], {1: 100}, UPDATE) == [read(100)]
    assert judging.replaced([read(99), read(100)], {1: 100}, UPDATE) == [read(99)]
    unknown = Sample(UPDATE, 1, 0.0, 0.0, 10.0, 0)
    assert judging.replaced([*at_once, unknown, read(103)], {1: 100}, UPDATE) == []


def test_after_each_purchase_of_a_book_come_reads_of_it() -> None:
    asked = list(itertools.islice(consistency.buy_and_read(), 2 * (consistency_told.READS + 1)))
    assert [each.book for each in asked] == [1] * 6 + [2] * 6
    assert [each.kind for each in asked[:6]] == [PURCHASE] + [QUERY] * 5


def test_shares_are_told_by_who_answered() -> None:
    reads = open_loop(
        FakeStore(lambda number, *_: Answered(0.001, answer(replica=f"catalog-{number % 4 // 3 + 1}"))),
        in_turn(query),
        rate=100,
        seconds=8,
    )
    found = balance.section({1: [run()], 8: [run(after_s=0.001)]}, reads, 2.0, Cost("load"))
    assert "of 200 queries were answered: 150 by catalog-1 and 50 by catalog-2" in found.shows


@pytest.mark.parametrize("mix", tpcw.MIXES)
def test_the_mixes_have_their_weights(mix: str) -> None:
    weights = {kind: getattr(each, mix) for kind, each in tpcw.INTERACTIONS.items()}
    assert sum(weights.values()) == pytest.approx(100)
    browsing = {"browsing": 95, "shopping": 80, "ordering": 50}  # TPC-W 1.8, clause 5.2.1.
    assert sum(list(weights.values())[:6]) == pytest.approx(browsing[mix])
    asked = Counter(each.kind for each in itertools.islice(tpcw.requests(mix, "an-order", 1), 20_000))
    for kind, weight in weights.items():
        assert asked[kind] / 200 == pytest.approx(weight, abs=1), kind


def tpcw_run() -> Run:
    store = FakeStore(lambda *_: Answered(0.01, answer()))
    return closed_loop(store, tpcw.requests("shopping", "an-order", 1), clients=tpcw.CLIENTS, seconds=1)


def section_of_tpcw() -> Section:
    runs = {(mix, name): [tpcw_run()] for mix in tpcw.MIXES for name in ("with cache", "without")}
    return tpcw.section(runs, {mix: tpcw_run() for mix in tpcw.MIXES}, [Cost("load")])


def test_cached_and_uncached_are_compared() -> None:
    assert "1.00 times (browsing)" in section_of_tpcw().shows


def test_the_cache_is_compared_with_its_simulation() -> None:
    times = {(kind, name): [run().samples] for kind in response_times.RATES for name in ("with cache", "without")}
    trace = [1, 2, 1, 3, 2, 1]
    sized = [response_times.Sized(2, 1, 0, 1, 2, [(3, 0), (6, 3)]), response_times.Sized(3, 2, 0, 3, 3, [(6, 0)])]
    found = response_times._section(times, [Cost("load")], sized, trace, "chance")
    assert "within 1 of 6 requests as often as" in found.shows
    assert found.tables[1].rows[0] == ["2", "16.7", "16.7", "33.3"]


def test_beside_a_postgresql_it_is_told_what_its_loss_cost() -> None:
    runs = {(kind, name): [run()] for kind in others.RATES for name in (others.FILES, others.SERVER)}
    failing_run = run_with(lambda number, now: -0.001 if 1.5 <= now < 2 else 0)
    bought = [replace(sample, status=201) for sample in failing_run.samples[:40]]
    found = others.section(runs, others.Loss(replace(failing_run, samples=bought + failing_run.samples[40:]), 39), [])
    assert "50 of 400 requests failed, and of 40 acknowledged orders 1 were gone" in found.shows
    assert found.tables[1].rows[0][:2] == ["query, two SQLite files", "4.00 (4.00 … 4.00)"]
    assert "not run: there is no program `postgres`" in others.section({}, others.NO_PROGRAM, []).shows


def test_a_quick_report_makes_no_postgresql(tmp_path: Path) -> None:
    told: list[str] = []
    effort = Effort(rounds=1, seconds=0.5, seed=1, ratings=None, is_quick=True)
    assert "PostgreSQL was not run: making a server" in others.measure(Stores(tmp_path), effort, told.append).shows
    assert (told, list(tmp_path.iterdir())) == ([], [])


def test_all_of_it_fits_a_page(tmp_path: Path) -> None:
    sources = {source for row in others.PROMISES for source in row[-1].split()}
    page = write(tmp_path, {"tpcw": section_of_tpcw()}, {}, "", Table("Cost", ["load"], [])).read_text()
    assert len(page) < 300_000
    assert {source.startswith("https://") for source in sources if source != "docs/DESIGN.md"} == {True}
    assert json.dumps(page)
