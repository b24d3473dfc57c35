"""What a node answers, whichever way it is asked: over a socket or in this process."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What a node said to one request. Header names are in lower case."""

    node: str
    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of a problem document; empty if it is none."""
        is_problem = self.headers.get("content-type", "").startswith("application/problem+json")
        return str(self.json["code"]) if is_problem else ""

    def __str__(self) -> str:
        return f"{self.node}: {self.method} {self.path[:200]} -> {self.status} {self.body[:300]!r}"
