"""The page, its drawings and figures; simulated caches; how far a run is; whether the machine was quiet."""

import csv
import itertools
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.percentile import percentile
from benchmarks.report import __main__ as command
from benchmarks.report import caches, judging, popularity, style
from benchmarks.report.conditions import warning
from benchmarks.report.page import write
from benchmarks.report.progress import Progress
from benchmarks.report.section import Cost, Plot, Section, Table
from benchmarks.report.sequences import Step, draw, steps_of
from tests.clock import Clock


def section() -> Section:
    figure, axes = style.figure(1, 2)
    for axis in axes:
        axis.plot([1, 2], [3, 4], color=style.COLOURS[0], label="a < b")
        axis.legend()
    return Section(
        "A title",
        "A question?",
        shows="1 < 2, says `make report`, *really*",
        plots=[Plot("drawing", "A caption", figure)],
        tables=[Table("A table", ["store", "source"], [["one", "https://example.org/a?b=c&d"]])],
        raw={"figures": [{"round": 1, "took_ms": 2.5}]},
    )


def test_the_page_needs_nothing_else_and_the_files_are_beside_it(tmp_path: Path) -> None:
    page = write(tmp_path, {"one": section()}, {"cores": "2"}, "", Table("Cost", ["load"], [])).read_text()
    assert "<svg" in page
    assert "1 &lt; 2, says <code>make report</code>, <em>really</em>" in page
    assert "<img" not in page
    assert "src=" not in page
    assert 'class="warning"' not in page
    assert {colour for colour in style.VARIABLES if colour in page.partition("</style>")[2]} == set()
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == ["drawing.png", "drawing.svg"]
    with (tmp_path / "csv" / "figures.csv").open(newline="") as lines:
        assert list(csv.DictReader(lines)) == [{"round": "1", "took_ms": "2.5"}]


def test_a_busy_machine_is_told_before_everything_else(tmp_path: Path) -> None:
    assert warning([]) == warning([0.02, 0.1]) == ""
    page = write(tmp_path, {}, {}, warning([0.02, 0.4]), Table("Cost", ["load"], [])).read_text()
    assert page.index("up to 40 %") < page.index("<nav")


def test_the_simulated_cache_is_least_recently_used() -> None:
    assert caches.lru([1, 2, 1, 3, 2, 1], 2) == [False, False, True, False, False, False]


def test_the_optimum_is_the_best_of_all_choices() -> None:
    """Compared with all ways to evict, of short traces."""

    def best(trace: list[int], kept: frozenset[int], size: int) -> int:
        if not trace:
            return 0
        key, rest = trace[0], trace[1:]
        if key in kept:
            return 1 + best(rest, kept, size)
        if len(kept) < size:
            return best(rest, kept | {key}, size)
        return max(best(rest, kept - {gone} | {key}, size) for gone in kept)

    chance = random.Random(5)
    for size in (1, 2, 3):
        for _ in range(30):
            trace = [chance.randrange(5) for _ in range(10)]
            assert sum(caches.optimum(trace, size)) == best(trace, frozenset(), size), trace


def test_a_trace_is_that_of_its_seed_and_follows_its_weights(tmp_path: Path) -> None:
    assert popularity.trace([1, 1], 20, 7) == popularity.trace([1, 1], 20, 7) != popularity.trace([1, 1], 20, 8)
    file = tmp_path / "ratings.csv"
    file.write_text("title,ratings_count\nlittle,10\nmuch,90\n")
    weights = popularity.ratings(file, 2)
    assert weights == [90, 10]
    assert popularity.trace(weights, 2000, 1).count(1) == pytest.approx(1800, abs=100)
    assert list(itertools.islice(popularity.endless([0, 1], 1), 5)) == [2] * 5
    with pytest.raises(ValueError, match="3 are needed"):
        popularity.ratings(file, 3)


def test_time_left_grows_on_a_slow_machine() -> None:
    clock, said = Clock(), list[str]()
    progress = Progress({"first": 10, "second": 30}, said.append, lambda *_: None, clock)
    progress.part("first")
    progress.tell("working")
    assert said == ["1 of 2, first: working, about 40 s left"]
    clock.sleep(20)
    assert progress.left_s() == 60
    progress.part("second")
    clock.sleep(40)
    assert progress.left() == "more than 0 s left"


def test_a_spread_is_the_middle_the_least_and_the_greatest() -> None:
    assert str(judging.spread([3, 1, 200])) == "3.00 (1.00 … 200)"


@pytest.mark.parametrize(
    ("values", "part", "found"),
    [
        ([50, 20, 15, 40, 35], 0.05, 15),  # These five are the example of nearest rank in most textbooks.
        ([50, 20, 15, 40, 35], 0.3, 20),
        ([50, 20, 15, 40, 35], 0.4, 20),
        ([50, 20, 15, 40, 35], 0.5, 35),
        ([50, 20, 15, 40, 35], 1.0, 50),
        ([4, 1, 3, 2], 0.5, 2),
        ([4, 1, 3, 2], 0.0, 1),
        (range(1, 101), 0.99, 99),
        (range(1, 101), 0.07, 7),
        (range(1, 1001), 0.999, 999),
        ([], 0.5, 0),
    ],
)
def test_percentiles_are_those_of_nearest_rank(values: Sequence[float], part: float, found: float) -> None:
    assert percentile(values, part) == found


def test_a_load_generator_that_costs_too_much_is_told() -> None:
    loads = [Cost("cheap", 100, 50, 1, 20), Cost("dear", 100, 50, 1, 5), Cost("none")]
    (cheap, dear) = command.costs({"one": Section("", "", costs=loads)}).rows
    assert cheap[-2:] == ["2.0 %", "5.0 %"]
    assert dear[-1].startswith("20.0 %: too much")


def test_an_interleaving_is_drawn_from_top_to_bottom() -> None:
    steps = steps_of("""
        a > b: asks
        ! b: dies
        b > a: answers: 2
    """)
    assert steps == [Step("a", "asks", "b"), Step("b", "dies", is_fault=True), Step("b", "answers: 2", "a")]
    plot = draw("one", "A title", "A caption", ["a", "b"], steps)
    (axis,) = plot.figure.axes
    places = {text.get_text(): text.get_position()[1] for text in axis.texts if text.get_text()}
    assert places["a"] < places["asks"] < places["dies"] < places["answers: 2"]
