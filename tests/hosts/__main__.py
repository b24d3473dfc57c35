"""`python -m tests.hosts`: three hosts in network namespaces, of which one is lost and one cut off."""

import argparse

from tests import tool
from tests.hosts import cost, faults
from tests.hosts.needs import missing
from tests.hosts.run import Report, run
from tests.postgres import open_way_to

UP_S, A_FAULT_S = 40, 35


def main() -> int:
    told = parser().parse_args()
    chosen = told.faults
    if lacking := missing():
        print(f"Not run: {lacking}")
        return 1
    if told.cost:
        return tell_cost()
    plan = (
        f"Three hosts come up in network namespaces, and {len(chosen)} times something happens to one while rows are "
        f"written. About {UP_S + A_FAULT_S * len(chosen)} s, most of which is waiting."
    )
    with tool.running("hosts", plan) as telling:
        place = telling.folder / "hosts"
        place.mkdir()
        open_way_to(place)
        report = run(place, telling.begin, chosen, shares_cache=told.shared_cache)
        found = judged(report, is_patient=told.patient)
        if found:
            telling.keep()
            print("\n".join(f"FAILED: {each}" for each in found))
            print(f"Everything is kept in {telling.folder}.")
        print(report.figures(), flush=True)
    return 1 if found else 0


def tell_cost() -> int:
    plan = "Three hosts come up in network namespaces, and are asked as fast as they answer. About two minutes."
    with tool.running("hosts", plan) as telling:
        place = telling.folder / "hosts"
        place.mkdir()
        open_way_to(place)
        print("\n".join(cost.measure(place, telling.begin)), flush=True)
    return 0


def judged(report: Report, *, is_patient: bool) -> list[str]:
    """What was wrong, in words."""
    return report.violations() + ([] if is_patient else report.too_long())


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.hosts",
        description="Brings up three hosts in network namespaces, kills one and cuts one off while rows are written, "
        "and checks that nothing acknowledged is lost. Needs root.",
    )
    names = ", ".join(fault.name for fault in faults.ALL)
    parser.add_argument(
        "--faults",
        type=_faults,
        default=faults.USUAL,
        help=f"by name, separated by commas, or all: {names} (the first {len(faults.USUAL)})",
    )
    parser.add_argument(
        "--shared-cache",
        action="store_true",
        help="both fronts keep their cache in the Redis that Sentinels elect, also if no fault needs that",
    )
    parser.add_argument(
        "--cost",
        action="store_true",
        help="instead: what hits, misses and purchases cost, with nothing between hosts, and with 1 ms; needs wrk",
    )
    parser.add_argument(
        "--patient",
        action="store_true",
        help="how long the store stood still is told, and not judged: for a machine that is slow or busy",
    )
    return parser


def _faults(names: str) -> tuple[faults.Fault, ...]:
    try:
        return faults.chosen(names)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    raise SystemExit(main())
