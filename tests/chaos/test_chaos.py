"""Half a minute of chaos."""

from pathlib import Path

from tests.chaos.faults import chosen
from tests.chaos.report import Report
from tests.chaos.run import ALL, Plan, run
from tests.databases import require_tool

SECONDS = 30
SEED = "half a minute"


def test_no_promise_is_broken_in_half_a_minute_of_chaos(tmp_path: Path) -> None:
    require_tool()
    # Without pairs of faults, with which an operator's commands take most of the time.
    report = run(Plan(SECONDS, SEED, chosen(ALL, ""), tmp_path, print, pairs=0, is_enough=proves_something))
    print("\n".join(report.lines()))
    assert list(report.violations) == []
    assert proves_something(report)


def proves_something(report: Report) -> bool:
    """On a slow machine it takes longer; somebody has died between two steps."""
    return (
        report.killed >= 10
        and len(report.points) >= 1
        and report.file_faults >= 1
        and report.acknowledged >= 40
        and report.reads >= 100
    )
