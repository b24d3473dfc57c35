"""Stores that tests use one after another: who comes after a test that has failed has a new one."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests import pool
from tests.conftest import POOL, pytest_exception_interact
from tests.pool import Pool


class NoProcess:
    """A store that seems to be well, whatever was done to it."""

    def __init__(self, data: Path, **_: object) -> None:
        self.data = data
        self.has_ended = False

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self.has_ended = True

    def forget_what_was_said(self) -> None: ...


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    monkeypatch.setattr(pool, "Store", NoProcess)
    monkeypatch.setattr(pool, "recovers", lambda store: True)
    monkeypatch.setattr(pool, "_books", lambda store: [])
    made = Pool(tmp_path, tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("is_shared", [False, True])
def test_a_store_on_which_a_test_has_failed_is_not_used_again(stores: Pool, is_shared: bool) -> None:
    def use() -> Any:
        return stores.ordinary_store("a module") if is_shared else stores.store()

    with use() as first:
        pass
    with use() as second:
        fail(stores)
    with use() as third:
        pass
    assert (second is first, third is first) == (True, False)
    assert (first.has_ended, third.has_ended) == (True, False)


def test_who_keeps_a_store_for_a_module_has_it_to_the_end(stores: Pool) -> None:
    """Its next tests run on it all the same; nobody else does."""
    with stores.store(fronts=2) as kept:
        fail(stores)
        with stores.store() as other:
            pass
        with stores.store() as again:
            assert again is other
        assert not cast("Any", kept).has_ended
    assert cast("Any", kept).has_ended


def fail(stores: Pool) -> None:
    """As pytest tells of a test that fails, before its fixtures come to their end."""
    stash = pytest.Stash()
    stash[POOL] = stores
    pytest_exception_interact(cast("Any", SimpleNamespace(config=SimpleNamespace(stash=stash))))
