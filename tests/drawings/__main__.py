"""`python -m tests.drawings`: draws a store that runs, for docs/how-it-works.md. Half a minute."""

import argparse
import sys
from pathlib import Path

from benchmarks.servers import restock
from bookstore_project.nodes.tool_client import Session
from bookstore_project.settings import topology
from tests import tool
from tests.drawings import outages
from tests.drawings.requests import CUSTOMER, Traced, messages_of, traced
from tests.drawings.svg import sequence
from tests.store import Store

IMAGES = topology.ROOT / "docs" / "images"
BOOK, WARM, MANY = 2, 20, 10_000
"""What is drawn, how many requests come before, and copies enough."""


def main() -> int:
    options = parse_options()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tool.running("draw", f"Five drawings, to {options.folder}.") as telling:
        settings = {"DJANGO_SETTINGS_MODULE": "tests.drawings.settings"}
        with Store(telling.folder / "var", environment=settings) as store:
            for book in (BOOK, outages.BOOK):
                restock(store, book, MANY)
            for name, drawing in drawings(store, telling).items():
                (options.folder / f"{name}.svg").write_text(drawing)
    return 0


def drawings(store: Store, telling: tool.Tool) -> dict[str, str]:
    """Each by its name."""
    with Session(store.addresses["front"]) as session:
        telling.begin("requests")
        for _ in range(WARM):
            session.call("POST", f"/purchase/{BOOK}")
            session.get(f"/product/{BOOK}")
        bought = traced(store, session, "drawn-purchase", "POST", f"/purchase/{BOOK}")
        missed = traced(store, session, "drawn-miss", "GET", "/product/7")
        hit = traced(store, session, "drawn-hit", "GET", "/product/7")
    telling.begin("a kill, and a deleted file")
    return {
        "how-miss": drawn(missed, "A read that misses"),
        "how-hit": drawn(hit, "The same read again: a hit"),
        "how-purchase": drawn(bought, "A purchase"),
        "how-kill": outages.killed(store),
        "how-repair": outages.deleted(store),
    }


def drawn(request: Traced, title: str) -> str:
    messages = messages_of(request)
    seen = {lane for message in messages for lane in (message.source, message.to) if lane}
    lanes = [lane for lane in (CUSTOMER, "front", "order-1", "order-2", "catalog-1", "catalog-2") if lane in seen]
    return sequence(f"{title} (X-Cache: {request.answer.cache})", lanes, messages)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.drawings", description=__doc__)
    parser.add_argument("--folder", type=Path, default=IMAGES, help="where to (default: docs/images)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
