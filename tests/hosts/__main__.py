"""`python -m tests.hosts`: three hosts in network namespaces, of which one is lost and one cut off."""

import argparse

from tests import tool
from tests.hosts.needs import missing
from tests.hosts.run import FAULTS, run
from tests.postgres import open_way_to

ABOUT_S = 180


def main() -> int:
    parser().parse_args()
    if lacking := missing():
        print(f"Not run: {lacking}")
        return 1
    plan = (
        f"Three hosts come up in network namespaces, and {len(FAULTS)} times one is lost while rows are written. "
        f"About {ABOUT_S} s, most of which is waiting."
    )
    with tool.running("hosts", plan) as telling:
        place = telling.folder / "hosts"
        place.mkdir()
        open_way_to(place)
        report = run(place, telling.begin)
        found = report.violations() + [f"too long: {each}" for each in report.too_long()]
        if found:
            telling.keep()
            print("\n".join(f"FAILED: {each}" for each in found))
            print(f"Everything is kept in {telling.folder}.")
        print(report.figures(), flush=True)
    return 1 if found else 0


def parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="python -m tests.hosts",
        description="Brings up three hosts in network namespaces, kills one and cuts one off while rows are written, "
        "and checks that nothing acknowledged is lost. Needs root.",
    )


if __name__ == "__main__":
    raise SystemExit(main())
