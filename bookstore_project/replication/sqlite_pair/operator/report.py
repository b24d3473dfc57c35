"""What `manage.py replication` says to people."""

from collections.abc import Iterator

from bookstore_project.replication.log.descriptions import MOST_ROWS
from bookstore_project.replication.maintenance_log import Repair, Scrub, Work
from bookstore_project.replication.sqlite_pair.files.comparison import FileSummary
from bookstore_project.replication.sqlite_pair.operator.planning import Decision, State
from bookstore_project.replication.sqlite_pair.operator.quarantine import Content, Quarantined
from bookstore_project.replication.sqlite_pair.operator.status import FileStatus, ServiceStatus


def status_lines(status: ServiceStatus) -> Iterator[str]:
    if status.epoch is None:
        yield f"{status.service}: REFUSES. {status.problem}"
    else:
        yield f"{status.service}: settled up to {status.floor}, epoch {status.epoch}, timeline {status.timeline}"
        if status.problem:
            yield f"  REFUSES. {status.problem}"
    for file in status.files:
        yield f"  {file.alias:<10} {_file(file)}"
    if status.work is not None:
        yield f"  now: {_work(status.work)}"
    yield f"  last repair: {_repair(status.last_repair)}"
    yield f"  last scrub: {_scrub(status.last_scrub)}"
    if status.quarantined:
        size = sum(file.size_bytes for file in status.quarantined) / 1e6
        yield f"  put aside: {len(status.quarantined)} files, {size:.1f} MB: see `replication quarantine`"


def _file(file: FileStatus) -> str:
    """`in sync, at 214` or `OUT since ...: its file is gone`."""
    if file.in_sync:
        return f"in sync, at {file.head}" if not file.fault else f"in sync, but: {file.fault}"
    if not file.out_since:
        return f"at {file.head}" if not file.fault else f"AT FAULT: {file.fault}"
    lag = "" if file.lag is None else f", {file.lag} entries behind"
    if file.is_suspected:
        return f"SUSPECTED since {file.out_since}{lag}: {file.out_because}"
    return f"OUT since {file.out_since}{lag}: {file.out_because}"


def _work(work: Work) -> str:
    left = "" if work["left_s"] is None else f", about {work['left_s']:.0f} s left"
    return f"{work['what']}: {work['part']:.0%}{left}"


def _repair(last: Repair | None) -> str:
    if last is None:
        return "none"
    return f"{last['at']}, {last['alias']} by {last['means']}, {last['entries']} entries, {last['ms']} ms"


def _scrub(last: Scrub | None) -> str:
    if last is None:
        return "none"
    damaged = [f"{alias}: {findings[0]}" for alias, findings in last["found"].items() if findings]
    sound = f"{', '.join(last['found'])} sound" if last["found"] else "no file was in sync"
    return f"{last['at']}, {'; '.join(damaged) or sound}"


def quarantined_lines(file: Quarantined, content: Content) -> Iterator[str]:
    """Its name, size and content, and the rows that only it has."""
    yield f"{file.name}  {file.size_bytes / 1e6:.1f} MB  {content.words}"
    yield from (f"    {row}" for row in content.own[:MOST_ROWS])
    if len(content.own) > MOST_ROWS:
        yield f"    and {len(content.own) - MOST_ROWS} more rows"


def state_lines(state: State) -> Iterator[str]:
    """How the service was found, before a decision."""
    if state.witness is None:
        yield f"{state.service.name}: {state.problem}"
    else:
        in_sync = ", ".join(state.witness.trusted) or "nobody"
        yield f"{state.service.name}: settled up to {state.witness.floor}; in sync: {in_sync}"
    suspects = state.witness.suspects if state.witness is not None else {}
    for file in state.found.files.values():
        suspicion = f"; SUSPECTED: {suspects[file.alias].reason}" if file.alias in suspects else ""
        yield f"  {file.alias:<10} {_summary(file)}{suspicion}"
        yield from (f"               {finding}" for finding in file.findings[1:])


def _summary(file: FileSummary) -> str:
    if file.head is None:
        return file.complaint
    return f"at {file.head.position}, {'sound' if file.is_sound else f'DAMAGED: {file.complaint}'}"


def decision_lines(decision: Decision, consequences: list[str]) -> Iterator[str]:
    """What would be, and what it costs."""
    yield f"{decision.words}: what {' and '.join(decision.keeps)} says counts, up to position {decision.head}."
    if decision.data_loss.sentences:
        yield "LOST would be:"
        yield from (f"  {sentence}" for sentence in decision.data_loss.sentences)
    else:
        yield "Nothing that is known to be settled would be lost."
    yield from consequences
    for alias in decision.rejected:
        yield f"The file of {alias} is put aside as ….quarantine-TIME, and rebuilt."
