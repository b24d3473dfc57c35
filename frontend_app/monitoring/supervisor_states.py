"""What the supervisor says of the nodes that it keeps: which are stopped or paused on purpose."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bookstore_project.api import problems
from bookstore_project.nodes import supervisor_client

WAIT_S = 30.0
"""The supervisor answers when there is something new, and after so many seconds at the latest."""
ASK_EVERY_S = 0.5
"""Between two questions, however soon the answers come."""


def ask_supervisor(known: Mapping[str, str]) -> Mapping[str, str]:
    return supervisor_client.states(known, wait_s=WAIT_S)


@dataclass
class SupervisorStates:
    """One thread asks; whoever shows it reads what was told last, and waits for nobody."""

    ask: Callable[[Mapping[str, str]], Mapping[str, str]] = ask_supervisor
    """With what is known; waits until something else can be told."""
    states: Mapping[str, str] = field(default_factory=dict)
    """By node: `running`, `stopped` or `paused`; empty if no supervisor answers."""

    def look(self) -> None:
        try:
            self.states = self.ask(self.states)
        except problems.StoreError:
            self.states = {}
