"""What a check has seen: a plugin of pytest that listens, and the words for it."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import pytest

from tests.course.labs import Lab

LONGEST = 200
"""Letters of what was seen."""


@dataclass(frozen=True)
class Finding:
    """One thing that is asked for."""

    file: str
    what: str
    is_met: bool
    saw: str
    """Why not; empty if it is met."""


@dataclass(eq=False)
class Listener:
    """Takes down how each test of a check went."""

    findings: list[Finding] = field(default_factory=list)
    obstacles: list[str] = field(default_factory=list)
    """What kept a check from being made: nothing follows from it for the task."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Function, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        error = call.excinfo.value if call.excinfo else None
        if call.when == "call":
            what = " ".join((item.function.__doc__ or item.name).split())
            self.findings.append(Finding(item.path.name, what, error is None, seen(error)))
        elif error is not None:
            self.obstacles.append(f"{item.name}: {seen(error)}")
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.obstacles.append(str(report.longrepr))


def seen(error: BaseException | None) -> str:
    """In one line. A check's own assertion says it in words; of other errors their kind tells more."""
    if error is None:
        return ""
    text = (str(error).strip() or repr(error)).splitlines()[0]
    return (text if isinstance(error, AssertionError) else f"{type(error).__name__}: {text}")[:LONGEST]


def told(lab: Lab, findings: Sequence[Finding]) -> str:
    """The verdict on a lab, from the findings of its check."""
    met = sum(finding.is_met for finding in findings)
    is_solved = bool(findings) and met == len(findings)
    lines = [f"Lab {lab.number}, {lab.title}"]
    for finding in findings:
        lines.append(f"  {'yes' if finding.is_met else 'no '}  {finding.what}")
        if finding.saw:
            lines.append(f"       seen: {finding.saw}")
    end = "Solved." if is_solved else f"Not yet: {met} of {len(findings)}. The task is in {lab.sheet.name}."
    return "\n".join([*lines, f"Lab {lab.number}: {end}"])
