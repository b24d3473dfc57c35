"""`make usual-way`: the same load and the same kills at the usual way and at this store, and what each has lost.

Exit status 1 if this store has lost anything.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.losses.customers import BUYERS, KILL_EVERY_S, READERS, REGULARS, Crowd
from benchmarks.losses.judge import CREATED, REFUSED, History, Loss, losses
from benchmarks.losses.shops import REPLICAS, SCARCE, Shop, ours, usual
from tests import tool

SECONDS = 12.0
HEALED_S, LOOK_S = 60.0, 0.5
"""How long a store that mends itself may take after the last kill."""
SHOPS: Sequence[Callable[[Path], AbstractContextManager[Shop]]] = (usual, ours)


@dataclass(frozen=True)
class Report:
    """Of one store."""

    name: str
    history: History
    losses: Sequence[Loss]

    def counted(self, *statuses: int) -> int:
        return sum(purchase.status in statuses for purchase in self.history.purchases)

    @property
    def failed(self) -> int:
        return len(self.history.purchases) - self.counted(CREATED, REFUSED)


def main() -> int:
    options = parse_options()
    plan = (
        f"Two stores, {options.seconds:g} s each: {BUYERS} customers want the last copies of {len(SCARCE)} books, "
        f"{REGULARS} buy another book, {READERS} read that one; each replica is killed once, one "
        f"every {KILL_EVERY_S:g} s. About {round(2 * options.seconds + 20)} s on a quiet machine."
    )
    with tool.running("loss", plan) as telling:
        reports = []
        for shop_of in SHOPS:
            telling.begin("starting a store")
            with shop_of(telling.folder) as shop:
                reports.append(examined(shop, options.seconds, telling.begin))
    sys.stdout.write(f"{table(reports)}\n")
    return 1 if any(loss.count for loss in reports[-1].losses) else 0


def examined(shop: Shop, seconds: float, begin: Callable[[str], None], victims: Sequence[str] = REPLICAS) -> Report:
    """`victims` are killed one after the other."""
    start = shop.files()[0].stock
    crowd = Crowd(shop, victims)
    begin(f"{shop.name}: customers, and a killer")
    crowd.work(seconds)
    begin(f"{shop.name}: what is in the files")
    until = time.monotonic() + (HEALED_S if shop.heals else 0.0)
    found = losses(crowd.history, start, shop.files())
    while any(loss.count for loss in found) and time.monotonic() < until:
        time.sleep(LOOK_S)
        found = losses(crowd.history, start, shop.files())
    return Report(shop.name, crowd.history, found)


def table(reports: Sequence[Report]) -> str:
    """Figures side by side, and an example of each loss."""
    rows = [("", [report.name for report in reports])]
    rows.append(("processes that were killed", [str(report.history.kills) for report in reports]))
    rows.append(("purchases that were acknowledged", [str(report.counted(CREATED)) for report in reports]))
    rows.append(("… refused, because all copies were sold", [str(report.counted(REFUSED)) for report in reports]))
    rows.append(("… failed, or got no answer", [str(report.failed) for report in reports]))
    kinds = list(zip(*(report.losses for report in reports), strict=True))
    for kind in kinds:
        what, is_of, _ = kind[0].what.partition(", of ")
        counts = [f"{loss.count} of {loss.what.partition(', of ')[2]}" if is_of else str(loss.count) for loss in kind]
        rows.append((what, counts))
    lines = [f"{what:48}" + "".join(f"{count:>18}" for count in counts) for what, counts in rows]
    for report in reports:
        examples = [loss.example for loss in report.losses if loss.count]
        lines += (
            ["", f"Of {report.name}, for example:", *(f"  {example}" for example in examples)] if examples else []
        )
    return "\n".join(lines)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.losses", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"for each store (default {SECONDS:g})")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
