"""What the cluster page's picture takes of a core in the browser: `python -m tests.browser.picture_cost`.

Processor time from /proc: of the renderer that shows the page, of the process that draws without a graphics card, and
of the browser's others. How often styles and places are worked out is the page's own account (DevTools protocol,
domain Performance).
"""

import argparse
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.processor_time import PROC, Meter
from benchmarks.report.loads import mixed, steadily
from tests.browser.visitor import Visitor, chromium
from tests.client import Client
from tests.store import Store

RATES = (0, 1, 2, 5, 10, 20, 30, 50, 100)
ONE_PURCHASE_IN = 10
SETTLED_S = 8.0
"""After the load has begun, before anything is counted: by then the page has used up what it may draw at once."""
COUNTED = {"styles": "RecalcStyleCount", "layouts": "LayoutCount"}


def browser_processes() -> Mapping[int, str]:
    """Those that this process has started, by their kind."""
    parents, kinds = {}, {}
    for folder in PROC.glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            kinds[int(folder.name)] = _kind((folder / "cmdline").read_bytes())
        except (FileNotFoundError, ProcessLookupError):
            continue

    def is_ours(pid: int) -> bool:
        return pid == os.getpid() or (pid in parents and is_ours(parents[pid]))

    return {pid: kind for pid, kind in kinds.items() if kind and is_ours(pid)}


def _kind(command: bytes) -> str:
    """Chromium parts its arguments with spaces."""
    words = command.replace(b"\0", b" ").decode(errors="replace").split()
    if not words or not any(name in words[0] for name in ("chrom", "headless_shell")):
        return ""
    return next((each.removeprefix("--type=") for each in words if each.startswith("--type=")), "browser")


def measure(visitor: Visitor, rate: float, seconds: float) -> dict[str, float]:
    """Of a core in per cent, by kind of process; and of what is counted, how often in a second."""
    tools = visitor.page.context.new_cdp_session(visitor.page)
    tools.send("Performance.enable")

    def counts() -> dict[str, float]:
        known = {each["name"]: each["value"] for each in tools.send("Performance.getMetrics")["metrics"]}
        return {name: known[of] for name, of in COUNTED.items()}

    asked = mixed(itertools.cycle(range(1, 8)), ONE_PURCHASE_IN)

    def go_on(for_s: float) -> None:
        if rate:
            steadily(visitor.store, asked, rate, for_s)
        else:
            time.sleep(for_s)

    go_on(SETTLED_S)
    before, meter, began = counts(), Meter(browser_processes), time.monotonic()
    go_on(seconds)
    took_s = time.monotonic() - began
    spent = {kind: 100 * each / took_s for kind, each in meter.take().items()}
    after = counts()
    tools.detach()
    return spent | {name: (after[name] - before[name]) / took_s for name in COUNTED}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.picture_cost", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=7.0, help="of each measurement (%(default)s)")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES, help="requests a second")
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Store(Path(folder) / "data", environment={"DJANGO_SETTINGS_MODULE": "tests.store_settings"}) as store,
        chromium() as browser,
        Visitor(browser, store) as visitor,
    ):
        shop = Client(store)
        for book in range(1, 8):
            shop.post(f"/api/v1/books/{book}/restock/", {"quantity": 100_000}, as_staff=True)
        visitor.go("/cluster/")
        visitor.page.wait_for_selector("#picture[data-live]")
        for _ in range(chosen.rounds):
            for rate in chosen.rates:
                told = measure(visitor, rate, chosen.seconds)
                print(f"{rate:5g}/s", "  ".join(f"{name} {each:.1f}" for name, each in told.items()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
