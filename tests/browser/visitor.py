"""Somebody at a browser, who notes whatever the browser complains of."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests import programs
from tests.patience import PATIENCE_S
from tests.store import Store

AXE = (Path(__file__).parent / "vendor" / "axe" / "axe.min.js").read_text()
PATIENCE_MS = PATIENCE_S * 1000
NARROW, WIDE = 360, 1280
BOOKS = "/admin/catalog_app/book/"
SETTLED = """async ([width, scheme]) => {
    while (innerWidth !== width || !matchMedia(`(prefers-color-scheme: ${scheme})`).matches)
        await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);  // Scripts have been told, too.
    const transitions = document.getAnimations().filter(each => each instanceof CSSTransition);
    await Promise.allSettled(transitions.map(each => each.finished));
}"""
"""Looks change, and colours of links fade, after they were told to."""
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")

# Nothing of it may call home, and nothing of it is shared: each start has a profile of its own.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser; skips the test where there is none."""
    program = programs.require("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


class Visitor:
    """A context manager. What isn't excused by then fails the test at its end."""

    def __init__(
        self,
        browser: Browser,
        store: Store,
        *,
        width: int = WIDE,
        scheme: Scheme = "light",
        has_javascript: bool = True,
    ) -> None:
        self.store = store
        self.complaints: list[str] = []
        self.excused: tuple[str, ...] = ()
        """Parts of complaints that are meant to be."""
        self._context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=has_javascript
        )
        self._context.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        self.page: Page = self._context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("request", self._request)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.close()
        if error is None:
            left = [each for each in self.complaints if not any(part in each for part in self.excused)]
            assert not left, left

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console: {message.text} {message.location}")

    def _request(self, request: Request) -> None:
        own = tuple(self.store.url(node) + "/" for node in self.store.nodes)
        if not request.url.startswith((*own, "data:", "blob:")):
            self.complaints.append(f"outside: {request.url}")

    def look(self, width: int, scheme: Scheme) -> None:
        """At the page that is open, from now on, through a window of that width."""
        self.page.set_viewport_size({"width": width, "height": 800})
        self.page.emulate_media(color_scheme=scheme)
        self.page.evaluate(SETTLED, [width, scheme])

    def go(self, path: str, node: str = "front") -> None:
        self.page.goto(self.store.url(node) + path)

    def log_in(self, node: str = "front") -> None:
        to = "/cluster/" if node.startswith("front") else "/admin/"
        user, password = self.store.staff
        self.go(f"/api-auth/login/?next={to}", node)
        self.page.fill("[name=username]", user)
        self.page.fill("[name=password]", password)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(f"**{to}")

    def upload(self, selector: str, content: bytes) -> None:
        """Chooses a CSV file for a field."""
        self.page.set_input_files(selector, {"name": "books.csv", "mimeType": "text/csv", "buffer": content})

    def overflow_px(self) -> int:
        """How much wider than its window the page is."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return max(0, width)

    def background(self) -> float:
        """How light the page is behind its text: 0 is black, 1 is white."""
        told: list[str] = self.page.evaluate(
            "[document.body, document.documentElement].map(each => getComputedStyle(each).backgroundColor)"
        )
        seen = next(colour for colour in [*told, "rgb(255, 255, 255)"] if colour != "rgba(0, 0, 0, 0)")
        return sum(int(part) for part in re.findall(r"\d+", seen)[:3]) / (3 * 255)

    def barriers(self, known: Mapping[str, str] | None = None) -> list[str]:
        """What axe-core finds that is serious, or worse; `known` has rules, and selectors of what they aren't for."""
        # From outside of the page, whose policy lets no script in.
        self.page.evaluate(AXE)
        rules = {rule: {"selector": f"*:not({excepted})"} for rule, excepted in (known or {}).items()}
        self.page.evaluate("rules => axe.configure({rules})", [{"id": name, **rule} for name, rule in rules.items()])
        found: dict[str, Any] = self.page.evaluate("axe.run({preload: false})")
        return [
            f"{each['id']}: {json.dumps([node['html'][:200] for node in each['nodes']][:3])}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
        ]
