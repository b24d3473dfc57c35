"""The stores that are measured: prepared once, started together, and kept for the parts that want the same one."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from benchmarks.report.loads import fill
from tests.store import QUICK_LOGINS, Store

BARE = {"BOOKSTORE_CACHE_SIZE": "1"}
"""A cache of one entry: who asks for one book after the other never gets a hit."""


class Stores:
    """All of one run, in one folder. A context manager: none is left after it."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.prepared = base / "prepared" / "var"
        self._kept: dict[str, Store] = {}
        self._ports: set[str] = set()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.prepared.parent.mkdir()
        made = Store(self.prepared, environment=QUICK_LOGINS, is_forked=True).manage("prepare")
        assert made.returncode == 0, made.stderr
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def kept(self, **wanted: Mapping[str, str]) -> list[Store]:
        """One for each name, with these settings; running, and there for the parts that come later."""
        missing = {name: self.made(name, settings) for name, settings in wanted.items() if name not in self._kept}
        self._stack.enter_context(running(missing.values()))
        self._kept |= missing
        return [self._kept[name] for name in wanted]

    def made(self, name: str, settings: Mapping[str, str], *, fronts: int = 1) -> Store:
        """One that isn't started yet. The name is that of its folder.

        Its ports are its own: where nobody listens yet, another one that isn't started would find them free as well,
        and the server lets two processes listen at the same address.
        """
        while True:
            store = Store(self.base / name, fronts=fronts, environment=settings, prepared=self.prepared)
            ports = {address.rpartition(":")[2] for address in store.addresses.values()}
            if not ports & self._ports:
                self._ports |= ports
                return store


@contextmanager
def running(stores: Iterable[Store]) -> Iterator[None]:
    """All of them, begun and ended together; each has enough copies of each book."""
    begun: list[Store] = []
    try:
        for store in stores:
            begun.append(store)
            store.start()
        for store in begun:
            store.wait_ready()
            fill(store)
        yield
    finally:
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda store: store.__exit__(), begun))
