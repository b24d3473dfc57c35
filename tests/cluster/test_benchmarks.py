"""What benchmarks measure is made with a store's own settings, not with those of the tests."""

from pathlib import Path

import pytest

from benchmarks import children

pytestmark = pytest.mark.processes


def test_a_store_to_be_measured_is_built_and_sold_from(tmp_path: Path) -> None:
    children.build(tmp_path / "store", "--edits", "3", "--sales", "2")
    with children.party(tmp_path / "store") as party:
        assert len(party("sell", 2)) == 2
        assert len(party("read", 1)) == 1
