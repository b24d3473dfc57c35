"""Half a minute of chaos."""

from pathlib import Path

from tests.chaos.faults import chosen
from tests.chaos.run import ALL, Plan, run
from tests.databases import require_tool

SECONDS = 30
SEED = "half a minute"


def test_no_promise_is_broken_in_half_a_minute_of_chaos(tmp_path: Path) -> None:
    require_tool()
    # Without pairs of faults, with which an operator's commands take most of the time.
    report = run(Plan(SECONDS, SEED, chosen(ALL, ""), tmp_path, print, pairs=0))
    print("\n".join(report.lines()))
    assert list(report.violations) == []
    # What a slow machine does, too; a run that breaks nothing proves nothing.
    assert report.killed >= 10
    assert report.points, "nobody died between two steps"
    assert report.faults.total() >= 1
    assert report.file_faults >= 1
    assert report.acknowledged >= 40
    assert report.reads >= 100
