"""A few seconds of chaos."""

from dataclasses import replace
from pathlib import Path

from tests import programs
from tests.chaos.faults import chosen
from tests.chaos.report import Report
from tests.chaos.run import ALL, ON_SERVERS, Plan, run
from tests.chaos.server_faults import SERVER_FAULTS
from tests.chaos.servers import servers
from tests.databases import require_tool
from tests.on_postgresql import BINARIES, PACKAGE, program

SECONDS = 5
PAUSE_S = 0.4
"""Actors leave the processor to those who die and recover: they write and read often enough."""
SEED = "a gust"


def test_no_promise_is_broken_in_a_few_seconds_of_chaos(tmp_path: Path, prepared: Path) -> None:
    require_tool()
    # Without pairs of faults, with which an operator's commands take most of the time.
    faults = chosen(ALL, "")
    plan = Plan(SECONDS, SEED, faults, tmp_path, print, pairs=0, prepared=prepared, is_enough=proves_something)
    report = run(replace(plan, longest_pause_s=PAUSE_S))
    print("\n".join(report.lines()))
    assert list(report.violations) == []
    assert proves_something(report)


def test_no_promise_is_broken_while_servers_and_nodes_are_killed(tmp_path: Path) -> None:
    if program("postgres") is None:
        programs.require(f"{BINARIES}/postgres", PACKAGE)
    with servers() as both:
        plan = Plan(
            SECONDS, SEED, chosen(ON_SERVERS, ""), tmp_path, print, pairs=0, servers=both, is_enough=is_broken
        )
        report = run(replace(plan, longest_pause_s=PAUSE_S, is_forked=True))
    print("\n".join(report.lines()))
    assert list(report.violations) == []
    assert is_broken(report)


def is_broken(report: Report) -> bool:
    """Whether servers and sessions were, too."""
    of_servers = sum(report.faults[fault.name] for fault in SERVER_FAULTS)
    return of_servers >= 3 and report.killed >= 5 and report.acknowledged >= 20 and report.reads >= 50


def proves_something(report: Report) -> bool:
    """On a slow machine it takes longer; some have died between two steps."""
    return (
        report.killed >= 10
        and len(report.points) >= 2
        and report.file_faults >= 3
        and report.acknowledged >= 50
        and report.reads >= 200
    )
