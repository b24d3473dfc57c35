"""What the shop's pages weigh, and how soon they are there: `python -m tests.browser.weight`.

By the browser's own tracing: bytes and requests by the DevTools protocol (Network), the largest contentful paint and
the layout shift by PerformanceObserver (https://www.w3.org/TR/largest-contentful-paint/,
https://wicg.github.io/layout-instability/).
Each page is asked for by a browser that has never been here.
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser.visitor import NARROW, WIDE, chromium
from tests.client import Client
from tests.store import Store

HEIGHT = 800
PAINTED = """async () => {
    let painted = 0, shift = 0;
    const watch = (type, note) => new PerformanceObserver(list => list.getEntries().forEach(note))
        .observe({type, buffered: true});
    watch("largest-contentful-paint", entry => { painted = entry.startTime; });
    watch("layout-shift", entry => { shift += entry.value; });
    const frame = () => new Promise(requestAnimationFrame);
    while (!painted) await frame();
    for (let more = 0; more < 3; more++) await frame();
    return [painted, shift];
}"""
SLOW_NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
SLOWER = 4
"""The usual picture of a slow phone: 1.6 Mbit/s, 150 ms there and back, a quarter of the processor's speed."""
FULL_PAGE = 20
PATHS = {"home": "/", "a search": "/?search=a", "a book": "/books/2/", "basket": "/basket/", "my orders": "/orders/"}


@dataclass
class Weight:
    """Of one page, with all that it loads."""

    requests: list[str] = field(default_factory=list)
    size_bytes: int = 0
    """Over the wire: heads and bodies of all answers."""
    lcp_ms: float = 0.0
    cls: float = 0.0


@contextmanager
def _newcomer(browser: Browser, width: int) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": width, "height": HEIGHT})
    try:
        yield context.new_page()
    finally:
        context.close()


def weigh(browser: Browser, url: str, *, width: int = WIDE, is_slow: bool = False) -> Weight:
    """As a browser sees the page for the first time."""
    weight = Weight()
    asked: set[str] = set()

    def begun(event: Mapping[str, Any]) -> None:
        if not event["request"]["url"].startswith("data:"):  # Those came with the page.
            asked.add(event["requestId"])
            weight.requests.append(event["request"]["url"])

    def ended(event: Mapping[str, Any]) -> None:
        if event["requestId"] in asked:
            weight.size_bytes += int(event["encodedDataLength"])

    with _newcomer(browser, width) as page:
        tools = page.context.new_cdp_session(page)
        tools.on("Network.requestWillBeSent", begun)
        tools.on("Network.loadingFinished", ended)
        tools.send("Network.enable")
        if is_slow:
            tools.send("Network.emulateNetworkConditions", SLOW_NETWORK)
            tools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        page.goto(url, wait_until="networkidle")
        weight.lcp_ms, weight.cls = page.evaluate(PAINTED)
    return weight


def fill_page(shop: Client) -> None:
    """So many books that the first page of the list is full."""
    for number in range(FULL_PAGE - shop.get("/api/v1/books/").json["count"]):
        fields = {
            "title": f"A long enough title, as books have them: volume {number}",
            "authors": f"Author {number}, Another Author",
            "topic": ("algorithms", "databases", "networks")[number % 3],
            "price": f"{number + 9}.90",
            "quantity": number,
        }
        shop.post("/api/v1/books/", fields, as_staff=True)


def _row(name: str, browser: Browser, url: str) -> str:
    wide, phone = weigh(browser, url), weigh(browser, url, width=NARROW, is_slow=True)
    shift = max(wide.cls, phone.cls)
    return (
        f"| {name} | {len(wide.requests)} | {wide.size_bytes / 1000:.1f} kB | {wide.lcp_ms:.0f} ms | "
        f"{phone.lcp_ms:.0f} ms | {shift:.3f} |"
    )


def main() -> int:
    """Prints a table of a store of its own."""
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "data") as store, chromium() as browser:
        url = store.url("front")
        print("| page | requests | bytes | LCP | LCP on a slow phone | CLS |\n|---|---|---|---|---|---|")
        print(_row("home, the seven books", browser, url + "/"))
        fill_page(Client(store))
        for name, path in PATHS.items():
            print(_row(f"{name}, {FULL_PAGE} books" if name == "home" else name, browser, url + path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
