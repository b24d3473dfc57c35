"""One request, as the nodes' logs and the protocol's marks tell of it, in the order of time."""

import json
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bookstore_project.api import headers
from bookstore_project.nodes.tool_client import Answer, Session
from tests.drawings.points import POINTS
from tests.drawings.settings import FOLDER
from tests.drawings.svg import Message
from tests.store import Store

LINE = re.compile(r"^(\S+ \S+)  (\S+) +(\S+ \S+) (\d+) (\S+) ([\d.]+) ms(?: \((.*?)\))?.*  \[")
CUSTOMER = "customer"
UNIT_S = 0.001
"""Of the times in logs."""
SETTLED_S = 2.0
"""Until all nodes have written their lines; and they leave none out, as they do of many that are alike."""
ORDERS_SKIP = ("leases-read", "invalidated")
"""No front keeps orders."""


@dataclass(frozen=True)
class Step:
    """A line of a node's log: a request that it has answered."""

    node: str
    what: str
    status: int
    by: str
    ended: float
    """Epoch seconds, as `took_s`."""
    took_s: float
    remark: str

    @property
    def began(self) -> float:
        return self.ended - self.took_s


@dataclass(frozen=True)
class Traced:
    """A request with all that it caused."""

    sent: float
    answered: float
    answer: Answer
    steps: Sequence[Step]
    marks: Sequence[tuple[float, str, str]]
    """Time, node, point."""


def steps_of(trace: str) -> list[Step]:
    """From what `manage.py trace` prints."""
    found = []
    for line in trace.splitlines():
        if match := LINE.match(line):
            moment, node, what, status, by, took_ms, remark = match.groups()
            ended = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
            found.append(Step(node, what, int(status), by, ended, float(took_ms) / 1000, remark or ""))
    return found


def traced(store: Store, session: Session, name: str, method: str, path: str) -> Traced:
    """Makes the request under this id, and waits until it is told of."""
    time.sleep(SETTLED_S)
    sent = time.time()
    answer = session.call(method, path, extra_headers={headers.REQUEST_ID: name})
    answered = time.time()
    assert answer.status < 300, answer.body
    time.sleep(SETTLED_S)
    steps = steps_of(store.manage("trace", name).stdout)
    marks = [mark for mark in marks_in(store.data / FOLDER) if sent <= mark[0] <= answered]
    return Traced(sent, answered, answer, steps, marks)


def marks_in(folder: Path) -> Iterable[tuple[float, str, str]]:
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text().splitlines():
            now, node, point = json.loads(line)
            yield now, node, point


def messages_of(traced: Traced) -> list[Message]:
    """What is drawn of it, in milliseconds since it was sent."""

    steps = [put_right(step, traced.marks) for step in traced.steps]
    first = min(step.began for step in steps)

    def since(moment: float) -> float:
        return 1000 * (moment - first)

    found = []
    for step in steps:
        if step.what.startswith("POST /internal/push/"):
            pusher = next((other.node for other in steps if other.what.startswith("POST /internal/sales/")), CUSTOMER)
            found.append(Message(since(step.ended), pusher, step.node, f"push: {step.remark}"))
        else:
            caller = _caller(step, steps)
            found.append(Message(since(step.began), caller, step.node, step.what))
            found.append(Message(since(step.ended), step.node, caller, f"{step.status}, {1000 * step.took_s:.1f} ms"))
    for moment, node, point in traced.marks:
        if point in POINTS and not (node.startswith("order") and point in ORDERS_SKIP):
            found.append(Message(since(moment), node, None, POINTS[point], is_emphasized=point == "floor"))
    return found


def put_right(step: Step, marks: Iterable[tuple[float, str, str]]) -> Step:
    """A log's line has whole milliseconds, cut off: an answer comes after what its node has done for it."""
    last = max((moment for moment, node, _ in marks if node == step.node), default=0.0)
    ended = step.ended + UNIT_S / 2
    return replace(step, ended=last + UNIT_S / 10 if ended < last < ended + UNIT_S else ended)


def _caller(step: Step, steps: Sequence[Step]) -> str:
    """Whose request lies most closely around this one."""
    around = [other for other in steps if other.took_s > step.took_s and other.node != step.node]
    return min(around, key=lambda other: other.took_s).node if around else CUSTOMER
