"""The processes that carry out simulations end with the tests."""

from collections.abc import Iterator

import pytest

from tests.simulation import warm


@pytest.fixture(scope="session", autouse=True)
def _simulating() -> Iterator[None]:
    yield
    warm.end_all()
