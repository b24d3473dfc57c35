"""What is told and drawn of faults: requests in each tenth of a second; when they were noticed, masked, healed."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from benchmarks.percentile import percentile
from benchmarks.report import judging, style
from benchmarks.report.faults import CUT_OFF, FAULTS, Fault, Plan, Round
from benchmarks.report.judging import masked_s, spread
from benchmarks.report.section import Cost, Plot, Section, Table

RATE = 150.0
PURCHASE_EVERY = 10
MARKS = {"detected": "requests go to", "rejoined": "is back in rotation"}
"""What a front says of it in its events."""


def section(found: Mapping[str, Sequence[Round]], plan: Plan, cost: Cost) -> Section:
    all_rounds = [each for rounds in found.values() for each in rounds]
    failed = sum(each.run.failed for each in all_rounds)
    asked = sum(len(each.run.samples) for each in all_rounds)
    unequal = sum(one != two for each in all_rounds for one, two in each.rows.values())
    return Section(
        title="Failing",
        question="A replica goes down, or loses its file, or a front is cut off, while customers are at work. Who "
        "notices, for how long, and what is in the databases afterwards?",
        shows=f"{failed} of {asked:,} requests failed in all rounds together{_watched(all_rounds)}. What was due "
        "while a replica was down was asked of the other one. Afterwards both files had the same number of rows"
        f"{f', except {unequal} times' if unequal else ''}.",
        limits="One node at a time fails, and the machine stays. Equal counts of rows are no proof of equal rows: "
        "`make chaos` compares each. *Detected* and *rejoined* are what a front says in its events. *Masked* is when "
        f"the last request had been answered that failed or took {judging.FELT:g} times as long as any before the "
        "fault: a busy machine delays some by itself.",
        plots=[_timeline(fault, found[fault.name], plan) for fault in FAULTS],
        tables=[_table(found), _rows(found)],
        raw={"failing": _raw(found, plan), "failing_events": _raw_events(found)},
        costs=[cost],
    )


def _watched(rounds: Sequence[Round]) -> str:
    """Of the front that was cut off, if one was."""
    runs = [each.watched for each in rounds if each.watched is not None]
    if not runs:
        return ""
    asked, failed = sum(len(run.samples) for run in runs), sum(run.failed for run in runs)
    return (
        f". At the front that was cut off {failed:,} of {asked:,} reads got no answer but an error, and "
        f"{sum(each.stale for each in rounds)} were stale"
    )


def _timeline(fault: Fault, rounds: Sequence[Round], plan: Plan) -> Plot:
    """The rounds beside one another, each moved so that the fault is at 0."""
    figure, (upper, lower) = style.figure(2, 1, sharex=True)
    binned = [judging.bins(each.run.samples, plan.seconds) for each in rounds]
    at = [number_of_bin * judging.BIN_S - plan.strike_s for number_of_bin in range(len(binned[0]))]
    failed = [max(one.failed for one in column) for column in zip(*binned, strict=True)]
    worst = [spread([one.worst_ms for one in column]) for column in zip(*binned, strict=True)]
    edges = [*at, at[-1] + judging.BIN_S]
    answered = _answered(binned)
    series = [
        (upper, "answered", 0, answered),
        (upper, "failed (most in a round)", 1, failed),
        (lower, "median of the rounds", 0, [each.median for each in worst]),
    ]
    if watched := [judging.bins(each.watched.samples, plan.seconds) for each in rounds if each.watched is not None]:
        series.append((upper, "answered by the cut-off front", 2, _answered(watched)))
    for axis, name, line, values in series:
        colour = style.COLOURS[(0, 3, 1)[line]]
        axis.stairs(
            values, edges, baseline=None, color=colour, linestyle=style.LINES[line], label=name, linewidth=1.5
        )
    upper.set(ylabel="requests in 100 ms", ylim=(0, 1.6 * max(answered)), title=_title(fault, plan))
    lows, highs = ([*(getattr(each, name) for each in worst)] for name in ("low", "high"))
    lower.fill_between(
        edges, [*lows, lows[-1]], [*highs, highs[-1]], step="post", color=style.FAINT, label="all rounds", lw=0,
        zorder=0.8,
    )  # fmt: skip
    lower.set(yscale="log", ylabel="slowest request, ms", xlabel="seconds since the fault")
    lower.set_ylim(top=4 * max(highs))  # Room for the legend.
    style.plain_logarithm(lower.yaxis)
    for axis in (upper, lower):
        _mark(axis, fault, rounds, has_names=axis is upper)
        axis.legend(loc="upper right", ncols=2)
    return Plot(f"failing_{fault.name}", _caption(fault, rounds), figure)


def _title(fault: Fault, plan: Plan) -> str:
    return f"{fault.title} for {plan.cut_off_s:g} s" if fault is CUT_OFF else fault.title


def _answered(binned: Sequence[Sequence[judging.Bin]]) -> list[float]:
    """The rounds' median, for each tenth of a second."""
    return [spread([one.sent - one.failed for one in column]).median for column in zip(*binned, strict=True)]


def _caption(fault: Fault, rounds: Sequence[Round]) -> str:
    return (
        f"{RATE:g} requests a second, one in {PURCHASE_EVERY} a purchase, an open loop, "
        f"{judging.rounds_told(len(rounds))}, by when a request was due. Vertical lines: the fault; when "
        f"{fault.seen_by} took {fault.node} out of rotation and back; and when the last answer had come that "
        "customers felt."
    )


def _moments(fault: Fault, rounds: Sequence[Round]) -> dict[str, list[float]]:
    """Seconds from the fault, of each round in which there was such a moment."""
    found = {name: [_first(each, fault.node, text) for each in rounds] for name, text in MARKS.items()}
    kept = {name: [at for at in moments if at is not None] for name, moments in found.items()}
    masked = [masked_s(each.run.samples, each.struck_s) for each in rounds]
    return {"detected": kept["detected"], "masked": masked, "rejoined": kept["rejoined"]}


def _mark(axis: Axes, fault: Fault, rounds: Sequence[Round], *, has_names: bool) -> None:
    """The fault, and the medians of when it was detected, masked and healed."""
    lines = {"fault": 0.0} | {name: spread(at).median for name, at in _moments(fault, rounds).items() if at}
    for index, (name, x) in enumerate(lines.items()):
        axis.axvline(x, color=style.INK, linewidth=1, linestyle=style.LINES[index])
        if has_names and x < axis.get_xlim()[1]:
            place = axis.get_xaxis_transform()
            axis.text(x, 0.02 + 0.1 * index, f" {name}", transform=place, fontsize=8.5, va="bottom")


def _first(each: Round, node: str, text: str) -> float | None:
    """Seconds from the fault until the front first said so of that node."""
    return next(
        (
            at - each.struck_s
            for at, said in each.marks
            if at >= each.struck_s and said.startswith(node) and text in said
        ),
        None,
    )


def _table(found: Mapping[str, Sequence[Round]]) -> Table:
    body = []
    for fault in FAULTS:
        rounds = found[fault.name]
        before = [[one.took_ms for one in each.run.answered if one.due_s < each.struck_s] for each in rounds]
        after = [[one.took_ms for one in each.run.answered if one.due_s >= each.struck_s] for each in rounds]
        row = [fault.title, spread([each.run.failed for each in rounds]).counts]
        row += [str(spread([percentile(each, 0.99) for each in part])) for part in (before, after)]
        row += [f"{spread(at)} s" if at else "not seen" for at in _moments(fault, rounds).values()]
        body.append(row)
    head = ["fault", "failed", "p99 before, ms", "p99 after, ms", "detected after", "masked after", "rejoined after"]
    return Table(
        f"Of {judging.rounds_told(len(rounds))}; a fault that was masked before the front noticed is not seen",
        head,
        body,
    )


def _rows(found: Mapping[str, Sequence[Round]]) -> Table:
    body = [
        [fault.title, table, *(f"{count:,}" for count in (*last.rows_before.get(table, ()), *last.rows[table]))]
        for fault in FAULTS
        for last in found[fault.name][-1:]
        for table in last.rows
    ]
    head = ["fault", "table", "file 1 before", "file 2 before", "file 1 after", "file 2 after"]
    return Table("Rows in both databases, before and after the last round", head, body)


def _raw(found: Mapping[str, Sequence[Round]], plan: Plan) -> list[dict[str, object]]:
    return [
        {"fault": name, "round": turn, "since_fault_s": f"{one.at_s - each.struck_s:.2f}"}
        | {"sent": one.sent, "failed": one.failed, "worst_ms": f"{one.worst_ms:.2f}"}
        for name, rounds in found.items()
        for turn, each in enumerate(rounds, start=1)
        for one in judging.bins(each.run.samples, plan.seconds)
    ]


def _raw_events(found: Mapping[str, Sequence[Round]]) -> list[dict[str, object]]:
    return [
        {"fault": name, "round": turn, "since_fault_s": f"{at - each.struck_s:.2f}", "event": text}
        for name, rounds in found.items()
        for turn, each in enumerate(rounds, start=1)
        for at, text in each.marks
    ]
