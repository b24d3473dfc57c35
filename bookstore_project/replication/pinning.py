"""Which alias the ORM uses now, per service: set by the write protocol and the read gate, scoped with tokens."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Pin:
    """Reads (and, inside a replicated transaction, writes) of a service go to this alias."""

    alias: str
    for_writing: bool


_pins: ContextVar[Mapping[str, Pin]] = ContextVar("replication_pins", default=MappingProxyType({}))

Pinned = Token[Mapping[str, Pin]]


def current_pin(service: str) -> Pin | None:
    return _pins.get().get(service)


@contextmanager
def pinned(service: str, alias: str, *, for_writing: bool) -> Iterator[None]:
    token = pin(service, alias, for_writing=for_writing)
    try:
        yield
    finally:
        unpin(token)


def pin(service: str, alias: str, *, for_writing: bool) -> Pinned:
    """The beginning of `pinned`; `unpin` ends it."""
    return _pins.set({**_pins.get(), service: Pin(alias, for_writing)})


def unpin(pinned: Pinned) -> None:
    _pins.reset(pinned)
