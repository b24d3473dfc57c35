"""`make report`: measures a store of its own, part by part, and writes `report/index.html`.

Exit status 2 if a part could not be measured; the others are written nevertheless.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.report import balance, consistency, failing, others, response_times, tpcw, usual_way
from benchmarks.report.conditions import Watch, conditions
from benchmarks.report.judging import number
from benchmarks.report.page import write
from benchmarks.report.progress import Progress
from benchmarks.report.section import Effort, Part, Section, Table
from benchmarks.report.stores import Stores
from tests import tool
from tests.store import ROOT

_IN_ORDER = (response_times, consistency, failing, balance, usual_way, tpcw, others)
PARTS = {module.PART.name: module.PART for module in _IN_ORDER}
ROUNDS, SECONDS = 5, 2.0
LOOK_S, QUICK_LOOK_S = 2.0, 0.2
"""How long the machine is watched before each part."""
MOST_COST = 0.1
"""The processor time that the load generator may take, in parts of what it measures."""


def main() -> int:
    options = parse_options()
    chosen = [PARTS[name] for name in options.only or PARTS]
    effort = Effort(
        rounds=1 if options.quick else ROUNDS,
        seconds=0.5 if options.quick else SECONDS,
        seed=options.seed,
        ratings=options.ratings,
        is_quick=options.quick,
    )
    expected = {part.name: part.seconds(is_quick=effort.is_quick) for part in chosen}
    plan = (
        f"Measuring {', '.join(expected)}: about {max(1, round(sum(expected.values()) / 60))} min on a quiet machine."
    )
    with tool.running("report", plan) as telling:
        watch = Watch(QUICK_LOOK_S if effort.is_quick else LOOK_S)
        telling.begin("preparing")
        with Stores(telling.folder) as stores:
            progress = Progress(expected, telling.say, telling.ticker.doing)
            sections, broken = measured(chosen, stores, effort, progress, watch)
        telling.begin("writing")
        more = {"rounds": str(effort.rounds), "seconds of a load": f"{effort.seconds:g}"}
        if effort.is_quick:
            more["measured quickly"] = "too short to judge by"
        page = write(options.out, sections, conditions(effort.seed, watch, more), watch.warning, costs(sections))
    sys.stdout.write(f"{page}\n")
    if watch.warning:
        sys.stdout.write(f"{watch.warning}\n")
    for line in broken:
        sys.stdout.write(f"{line}\n")
    return 2 if broken else 0


def measured(
    chosen: list[Part], stores: Stores, effort: Effort, progress: Progress, watch: Watch
) -> tuple[dict[str, Section], list[str]]:
    """Each part's section; and what went wrong, a line for each part that has none."""
    sections, broken = {}, []
    for part in chosen:
        progress.part(part.name)
        watch.look()
        try:
            sections[part.name] = part.measure(stores, effort, progress.tell)
        except Exception as error:
            broken.append(f"{part.name} could not be measured: {type(error).__name__}: {error}")
    watch.look()
    return sections, broken


def costs(sections: dict[str, Section]) -> Table:
    """What the load generator took itself."""
    found = [cost for section in sections.values() for cost in section.costs if cost.requests]
    body = [
        [
            cost.what,
            f"{cost.requests:,}",
            number(1000 * cost.own_s / cost.requests),
            number(1000 * cost.store_s / cost.requests),
            f"{100 * cost.of_a_core:.1f} %",
            f"{100 * cost.part:.1f} %"
            + ("" if cost.part < MOST_COST else ": too much to judge small differences by"),
        ]
        for cost in found
    ]
    return Table(
        "Processor time of the load generator beside that of the store that it measures, ms a request",
        ["load", "requests", "generator", "store", "generator, of a core", "generator, of the store"],
        body,
    )


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make report", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), help="these parts (default: all)")
    parser.add_argument("--quick", action="store_true", help="small and inexact, to see that all of it runs")
    parser.add_argument("--seed", type=int, default=1, help="of what customers ask for (default 1)")
    parser.add_argument(
        "--ratings",
        type=Path,
        help="a CSV file with a column `ratings_count`: books are asked for by it (default: a Zipf law)",
    )
    parser.add_argument("--out", type=Path, default=ROOT / "report", help="the folder for it (default report/)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
