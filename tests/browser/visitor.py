"""Somebody at a browser, who notes whatever the browser complains of."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Literal, Self
from weakref import WeakKeyDictionary

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, StorageState, expect, sync_playwright

from tests import programs
from tests.store import Store
from tests.waiting import PATIENCE_S

AXE = (Path(__file__).parent / "vendor" / "axe" / "axe.min.js").read_text()
PATIENCE_MS = PATIENCE_S * 1000
NARROW, WIDE = 360, 1280
BOOKS = "/admin/catalog_app/book/"
TELLING = """scheme => {
    const asked = matchMedia(`(prefers-color-scheme: ${scheme})`);
    window.isTold = asked.matches || new Promise(told => asked.addEventListener("change", told, {once: true}));
}"""
"""Scripts of the page have asked before, and are told before: that may be a frame after `matches` has changed."""
SETTLED = """async width => {
    await isTold;
    while (innerWidth !== width) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);  // Scripts have been told, too.
    document.getAnimations().filter(each => each instanceof CSSTransition).forEach(each => each.finish());
}"""
"""Looks change, and colours of links fade, after they were told to: nobody has to watch them fade."""
SMALL = {rule: {"enabled": False} for rule in re.findall(r'id:"([a-z-]+)",impact:"(?:minor|moderate)"', AXE)}
"""Rules of axe's of which nothing that they find is more than that: to follow them takes a third of its time."""
BARRIERS = """async rules => {
    const found = await axe.run({preload: false, resultTypes: ["violations"], rules});
    return found.violations
        .filter(rule => ["serious", "critical"].includes(rule.impact))
        .map(rule => [rule.id, rule.nodes.slice(0, 3).map(node => node.html.slice(0, 200))]);
}"""
"""What passes isn't told: that would take longer than looking."""
THEIRS = [{"id": "nested-interactive", "selector": "*:not(.opblock-summary-control)"}]
"""A rule of axe's, and what it is asked of: Swagger UI puts buttons into the heads of operations."""
SHELL = "chromium-headless-shell"
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
    # With no window around its pages it takes less than half of the processor time of the whole browser.
    shell = shutil.which(SHELL) or shutil.which("chromium") or programs.require(SHELL, SHELL)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shell, args=ARGUMENTS)
        yield browser
        browser.close()


class Visitor:
    """A context manager. What isn't excused by then fails the test at its end."""

    _sessions: ClassVar[WeakKeyDictionary[Store, dict[str, str]]] = WeakKeyDictionary()
    """By node: checking a password takes long on purpose."""

    def __init__(
        self,
        browser: Browser,
        store: Store,
        *,
        width: int = WIDE,
        scheme: Scheme = "light",
        has_javascript: bool = True,
        url: str | None = None,
        state: StorageState | None = None,
    ) -> None:
        """`url`: of the front, if there is another way to it; `state`: the cookies that the browser has kept."""
        self.store = store
        self.url = url or store.front
        self.complaints: list[str] = []
        self.excused: tuple[str, ...] = ()
        """Parts of complaints that are meant to be."""
        self._context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
            java_script_enabled=has_javascript,
            storage_state=state,
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
            self.assert_content()
        elif left := self._left():
            error.add_note(f"The browser complained: {left}")

    def assert_content(self) -> None:
        """With all that was seen so far."""
        assert not self._left(), self._left()

    def _left(self) -> list[str]:
        return [each for each in self.complaints if not any(part in each for part in self.excused)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console: {message.text} {message.location}")

    def _request(self, request: Request) -> None:
        own = tuple(self.store.url(node) + "/" for node in self.store.nodes)
        if not request.url.startswith((*own, f"{self.url}/", "data:", "blob:")):
            self.complaints.append(f"outside: {request.url}")

    def look(self, width: int, scheme: Scheme) -> None:
        """At the page that is open, from now on, through a window of that width."""
        self.page.set_viewport_size({"width": width, "height": 800})
        self.page.evaluate(TELLING, scheme)
        self.page.emulate_media(color_scheme=scheme)
        self.page.evaluate(SETTLED, width)

    def be_somebody_else(self, width: int) -> None:
        """Who has no cookies, a blank page in a window of that width, and nothing to complain of; from now on."""
        self.go("/healthz")
        self._context.clear_cookies()
        self.page.set_viewport_size({"width": width, "height": 800})
        self.page.emulate_media(media="screen")
        self.complaints.clear()
        self.excused = ()

    def go(self, path: str, node: str = "front") -> None:
        self.page.goto((self.url if node == "front" else self.store.url(node)) + path)

    def be_staff(self, node: str = "front") -> None:
        """Logged in, as somebody was before: who logs out has to `log_in` first, or others are logged out, too."""
        sessions, name, url = self._sessions.setdefault(self.store, {}), f"sessionid-{node}", self.store.url(node)
        if node in sessions:
            self._context.add_cookies([{"name": name, "value": sessions[node], "url": url}])
        else:
            self.log_in(node)
            (sessions[node],) = (each["value"] for each in self._context.cookies(url) if each["name"] == name)

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

    def barriers(self) -> list[str]:
        """What axe-core finds that is serious, or worse."""
        if not self.page.evaluate("'axe' in window"):
            # From outside of the page, whose policy lets no script in.
            self.page.evaluate(AXE)
            self.page.evaluate("rules => axe.configure({rules})", THEIRS)
        found: list[tuple[str, list[str]]] = self.page.evaluate(BARRIERS, SMALL)
        return [f"{rule}: {json.dumps(places)}" for rule, places in found]
