"""Searches for a run that shows a mutant: with the faults that its place in the code has to do with, seed by seed."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.mutants.mutant import Mutant
from tests.simulation import broken
from tests.simulation.plan import Plan
from tests.simulation.runner import Runner
from tests.simulation.server.runner import ServedRunner

OPERATIONS = (60, 120, 90)
EVERY = (60, 150, 30)
"""Turns between two faults, on average."""
OF_READERS, OF_BUYERS = ("browsing", "shopping"), ("ordering", "shopping", "ordering")
"""Mixes: who misses what a cache does wrong reads, who misses what a commit does wrong buys."""
UNMET_AFTER = 12
"""Runs without which nobody has come to what the mutant breaks: more of them would be the same."""
Kinds = tuple[tuple[str, ...], ...]
OF_COMMITS: Kinds = (
    *(("kill", "aim"), ("slow", "aim", "lose", "cut"), ("files", "kill"), ("aim:before-commit",), ("power", "kill")),
    *(("stop", "kill", "aim"), ("aim:committed-catalog-1", "aim:committed"), ("file-locked", "aim:made")),
)
OF_CACHES: Kinds = (
    *(("isolate",), ("aim:before-commit",), ("cut",), ("lose", "double", "delay"), ("stall", "isolate")),
    *(("aim:before-commit",), ("slow", "aim"), ("kill", "cut", "delay"), ("aim:poll-recorded", "aim:leases-read")),
    *(("aim:gate-snapshot", "cut"), ("slow", "aim", "lose", "cut"), ("pairs",)),
)
OF_FILES: Kinds = (("files",), ("pairs",), ("files", "kill"), ("full", "files"), ("power", "files"), ("files", "aim"))
OF_PURCHASES: Kinds = (
    *(("lose", "delay"), ("kill", "aim"), ("cut", "stall"), ("slow", "aim", "delay"), ("clock", "kill", "lose")),
    *(("double", "delay", "kill"), ("pairs",)),
)
OF_SERVERS: Kinds = (
    *(
        ("takeover",),
        ("delay", "sessions"),
        ("takeover", "isolate"),
        ("standby", "restart", "kill"),
        ("stall", "cut"),
    ),
    *(("aim", "sessions"), ("takeover", "standby", "stall"), ("slow", "delay")),
)
REPLICATION = "bookstore_project/replication"
CONCERNS: tuple[tuple[str, Kinds], ...] = (
    (f"{REPLICATION}/postgresql", OF_SERVERS),
    (f"{REPLICATION}/invalidation", OF_CACHES),
    (f"{REPLICATION}/interface", OF_CACHES),
    ("frontend_app/cache", OF_CACHES),
    ("frontend_app/gateway", OF_CACHES),
    (f"{REPLICATION}/sqlite_pair/reading", (("file-deleted", "file-renamed"), *OF_CACHES[:4], *OF_FILES[:3])),
    (f"{REPLICATION}/sqlite_pair/files", OF_FILES),
    (f"{REPLICATION}/sqlite_pair/repair", OF_FILES),
    (f"{REPLICATION}/sqlite_pair/operator", OF_FILES),
    (f"{REPLICATION}/sqlite_pair/membership", (*OF_FILES, ("power",))),
    (f"{REPLICATION}/sqlite_pair/commit/opening", (("file-locked",), *OF_FILES, *OF_COMMITS)),
    (REPLICATION, OF_COMMITS),
    ("", OF_PURCHASES),
)
"""By the beginning of a file's name: which faults bring about what it is for."""
FOUND, NOT_FOUND, NOT_LOADED, NOT_MET = "found", "not found", "not loaded", "not met"
ENDED = "ended"
"""Nothing was judged: a node ended by itself, waited for the real world, or nobody could read what was left."""
monotonic = time.monotonic
"""The real one: `primitives` puts another in its place."""


@dataclass(frozen=True)
class Outcome:
    """What came of a search so far."""

    outcome: str = NOT_FOUND
    operations: int = 0
    runs: int = 0
    by: str = ""
    what: str = ""


def plans(mutant: Mutant, first: int, last: int) -> Iterator[Plan]:
    """Those with these numbers, from 1; the first one has no fault."""
    file = mutant.edits[0].file
    concerns = next(kinds for begin, kinds in CONCERNS if file.startswith(begin))
    for number in range(first, last + 1):
        kinds = concerns[(number - 2) % len(concerns)] if number > 1 else ()
        a_round = (number - 2) // len(concerns)
        mixes = OF_READERS if OF_CACHES[0] in concerns else OF_BUYERS
        operations, every = OPERATIONS[number % len(OPERATIONS)], EVERY[a_round % len(EVERY)]
        yield Plan(str(number), operations, kinds, every if kinds else 0, mixes[number % len(mixes)])


def search(mutant: Mutant, before: Outcome, last: int, limit_s: float, folder: Path) -> Outcome:
    """Goes on after what was searched before. In a process of its own: it puts a simulated world below everything."""
    runner = (ServedRunner if is_served(mutant) else Runner)(folder, [mutant])
    if not broken.loaded:
        return Outcome(NOT_LOADED)
    broken.watch(folder / "met")
    until, told = monotonic() + limit_s, before
    for plan in plans(mutant, before.runs + 1, last):
        if monotonic() > until:
            break
        told = _after(told, plan, runner, " --server" if is_served(mutant) else "")
        if told.outcome in (FOUND, ENDED) or (told.runs == UNMET_AFTER and not broken.is_met()):
            break
    is_unmet = told.outcome == NOT_FOUND and not before.runs and told.runs >= UNMET_AFTER and not broken.is_met()
    return replace(told, outcome=NOT_MET) if is_unmet else told


def is_served(mutant: Mutant) -> bool:
    """Whether it is one of the store on PostgreSQL."""
    return mutant.edits[0].file.startswith(f"{REPLICATION}/postgresql")


def _after(told: Outcome, plan: Plan, runner: Runner, more: str) -> Outcome:
    """What is known once that plan was carried out, too; `more` is what else makes the run."""
    by = f"SEED={plan.seed} OPERATIONS={plan.operations} {plan.mix} FAULTS={','.join(plan.kinds) or 'none'}"
    by += f" --every {plan.every}{more}" if plan.every else more
    try:
        report = runner.run(plan)
    except Exception as error:
        return Outcome(ENDED, told.operations + plan.operations, told.runs + 1, by, repr(error)[:100])
    operations, runs = told.operations + len(report.operations), told.runs + 1
    if report.violations:
        return Outcome(FOUND, operations, runs, by, report.violations[0].what)
    return Outcome(NOT_FOUND, operations, runs)
