"""What the supervisor says of the nodes that it keeps: which are stopped or paused on purpose."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bookstore_project.api import problems
from bookstore_project.nodes import supervisor_client

ASK_EVERY_S = 0.5


@dataclass
class SupervisorStates:
    """One thread asks; whoever shows it reads what was told last, and waits for nobody."""

    ask: Callable[[], Mapping[str, str]] = supervisor_client.states
    states: Mapping[str, str] = field(default_factory=dict)
    """By node: `running`, `stopped` or `paused`; empty if no supervisor answers."""

    def look(self) -> None:
        try:
            self.states = self.ask()
        except problems.StoreError:
            self.states = {}
