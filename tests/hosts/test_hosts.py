"""Three hosts that lose one."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.needs import missing
from tests.hosts.run import run
from tests.postgres import open_way_to

pytestmark = pytest.mark.processes


@pytest.fixture
def place() -> Iterator[Path]:
    """Not pytest's folder, whose path may be too long for a socket."""
    if lacking := missing():
        if os.environ.get("CI") == "true":
            pytest.fail(lacking)
        pytest.skip(lacking)
    folder = Path(tempfile.mkdtemp(prefix="hosts-"), "all")
    folder.mkdir()
    open_way_to(folder)
    yield folder
    shutil.rmtree(folder.parent, ignore_errors=True)


def test_nothing_acknowledged_is_lost_with_a_host(place: Path) -> None:
    def begin(what: str, progress: object = None) -> None:
        print(what)

    report = run(place, begin)
    print(report.figures())
    assert report.violations() == []
