"""Which alias the ORM uses now, per service: set by the write protocol and the read gate, scoped with tokens."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Pin:
    """Reads (and, inside a replicated transaction, writes) of a service go to this alias."""

    alias: str
    for_writing: bool


_pins: ContextVar[Mapping[str, Pin]] = ContextVar("replication_pins", default=MappingProxyType({}))


def current_pin(service: str) -> Pin | None:
    return _pins.get().get(service)


@contextmanager
def pinned(service: str, alias: str, *, for_writing: bool) -> Iterator[None]:
    token = _pins.set({**_pins.get(), service: Pin(alias, for_writing)})
    try:
        yield
    finally:
        _pins.reset(token)
