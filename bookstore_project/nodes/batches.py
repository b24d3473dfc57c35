"""Several requests to one route of another node, sent as one, and their answers.

A request from node to node costs more than what most of them ask for. What is asked of the same node at the same time
goes together: `POST /internal/batch/…`, the route's own path behind it. Each has its body and some headers of its
own, and an answer of its own. A batch that is refused as a whole (a status other than 200) says so of each.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.module_loading import import_string

from bookstore_project.nodes.json_documents import json_object

PREFIX = "/internal/batch"
CONTENT_TYPE = "application/vnd.bookstore.batch"
LARGEST_BYTES = 256 * 1024
"""Of the bodies in a batch of several: more than a hundred purchases."""


_answering: dict[str, str] = {}


@dataclass(frozen=True)
class Part:
    """One request of a batch."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    deadline: float = float("inf")
    """Until when its caller waits, in epoch seconds."""


@dataclass(frozen=True)
class Answer:
    """To one request of a batch."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    remark: str = ""
    """What its log line ends with: see `api.log_remarks`."""


Answering = Callable[[Sequence[Part]], Sequence[Answer]]


def answered_by(path: str, name: str) -> None:
    """Has batches for that route answered by the function (an Answering) of that dotted name, loaded when one comes.

    It raises nothing that is the fault of one request alone.
    """
    _answering[path] = name


def answering(path: str) -> Answering | None:
    """Of a route; None if it takes no batches."""
    if path not in _answering:
        return None
    found: Answering = import_string(_answering[path])
    return found


Frame = tuple[Mapping[str, object], bytes]


def encode(frames: Iterable[Frame]) -> bytes:
    """For each its members as JSON, and a body as it is: both lengths, a line's end, and the two."""
    pieces = []
    for members, body in frames:
        head = json.dumps(members).encode()
        pieces += [b"%d %d\n" % (len(head), len(body)), head, body]
    return b"".join(pieces)


def decode(data: bytes) -> list[tuple[dict[str, object], bytes]]:
    """What `encode` was given. Raises ValueError for anything else."""
    frames, at = [], 0
    while at < len(data):
        end = data.index(b"\n", at)
        of_head, of_body = map(int, data[at:end].split(b" "))
        body_at, at = end + 1 + of_head, end + 1 + of_head + of_body
        if min(of_head, of_body) < 0 or at > len(data):
            raise ValueError("The batch is cut short.")
        frames.append((json_object(data[end + 1 : body_at]), data[body_at:at]))
    return frames
