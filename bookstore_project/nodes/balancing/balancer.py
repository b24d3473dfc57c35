"""Calls to the replicas of a service: in turn, with time limits, again on the other while the budget allows it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import IO, TypeVar

from bookstore_project.api import problems
from bookstore_project.clock import Clock
from bookstore_project.nodes import client
from bookstore_project.nodes.balancing.checks import (
    TURNED_AWAY,
    Call,
    CallAll,
    fault_of,
    probe,
    problem_of,
    reason_of,
)
from bookstore_project.nodes.balancing.circuit_breaker import Fault, ReplicaBreakers
from bookstore_project.nodes.balancing.retry_budget import RetryBudget
from bookstore_project.nodes.balancing.round_robin import RoundRobin, Turn
from bookstore_project.nodes.batches import Part
from bookstore_project.nodes.deadlines import HOP_MARGIN_S
from bookstore_project.settings.topology import Node

R = TypeVar("R", bound=Sequence[client.Reply])

ATTEMPTS = 2
FIRST_SHARE = 0.6
"""Of the time that is left, what a first attempt may take: the second needs some, too."""
PROBE_TIMEOUT_S = 0.04
"""For finding out whether a replica that was gone is back, when no other answers."""

BRIEF_S = 0.05
"""Time for a fault that was said to be gone, where nobody else is left to ask."""


@dataclass(frozen=True)
class Attempt:
    """One call that may be made for a request."""

    turn: Turn
    until: float
    """When it has to be answered, in epoch seconds."""
    is_short: bool
    """Whether that is less time than such a call is given by itself, so that a lack of it tells nothing."""
    is_first: bool

    @property
    def node(self) -> Node:
        return self.turn.node


@dataclass
class Balancer:
    """One service, as one of its callers sees it."""

    service: str
    turns: RoundRobin
    breakers: ReplicaBreakers
    budget: RetryBudget = field(default_factory=RetryBudget)
    call: Call = client.call
    clock: Clock = time.time
    """Epoch seconds: deadlines travel between processes."""
    sleep: Callable[[float], None] = time.sleep
    call_all: CallAll | None = None
    """For several requests at once; None: they are made one by one, by `call`."""

    def attempts(self, deadline: float, attempt_s: float, *, is_repeatable: bool = True) -> Iterator[Attempt]:
        """Whom to ask, one after the other, until one has answered: at most ATTEMPTS, each another one.

        Each takes `attempt_s` at most, and leaves time for the next (which a call that isn't repeatable has only
        if it never left). Ends early if there is no time, nobody is left whom it makes sense to ask, or the retry
        budget is spent. If none has answered, but one that was in rotation has said at once that it can't, that one
        is asked once more, a moment later: what is brief shall not be refused because the other one is gone.
        """
        self.budget.deposit()
        turns: list[Turn] = []
        has_called = False
        for turn in self._turns(turns, deadline, is_repeatable=is_repeatable):
            is_first = len(turns) == 1
            if turn.needs_probe and not self._probe(turn.node):
                continue
            # Probes cost none: in an outage of both they would use up what is needed as soon as one is back.
            if has_called and not self.budget.spend():
                self._release(turn)
                return
            has_called = True
            now = self.clock()
            share = FIRST_SHARE if is_repeatable and is_first else 1.0
            until = min(now + attempt_s, now + (deadline - now) * share)
            yield Attempt(turn, until, is_short=until < now + attempt_s, is_first=is_first)

    def _turns(self, taken: list[Turn], deadline: float, *, is_repeatable: bool) -> Iterator[Turn]:
        """The turns of a request, each of which `taken` has when it comes out."""
        while len(taken) < ATTEMPTS and self._has_time(deadline):
            turn = self.turns.next([each.node for each in taken], may_be_trial=is_repeatable)
            if turn is None:
                break
            taken.append(turn)
            yield turn
        brief = [turn for turn in taken if not turn.is_last_resort and self._refused_at_once(turn.node)]
        if is_repeatable and brief and self._has_time(deadline):
            self.sleep(BRIEF_S)
            taken.append(Turn(brief[-1].node, is_last_resort=True))
            yield taken[-1]

    def _refused_at_once(self, node: Node) -> bool:
        return self.breakers.of(node).fault is Fault.ANSWERED

    def _has_time(self, deadline: float) -> bool:
        return self.clock() < deadline - HOP_MARGIN_S

    def ask(
        self,
        attempt: Attempt,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        extra_headers: Mapping[str, str] | None = None,
        into: IO[bytes] | None = None,
    ) -> client.Reply:
        """Makes the call, and learns from what comes of it. Raises NeverSent, NoAnswer.

        A large body goes `into` a file, where there is one (`client.call`).
        """
        options = {} if into is None else {"into": into}

        def call(**limits: float) -> tuple[client.Reply]:
            sent = {"body": body, "extra_headers": extra_headers}
            return (self.call(attempt.node, method, path, **sent, **limits, **options),)

        (reply,) = self._asked(attempt, call)
        return reply

    def ask_all(self, attempt: Attempt, path: str, parts: Sequence[Part]) -> Sequence[client.Reply]:
        """The same with several requests at once, of which each gets its answer (`nodes.batches`)."""
        call_all = self.call_all or client.one_by_one(self.call)
        return self._asked(attempt, partial(call_all, attempt.node, path, parts))

    def _asked(self, attempt: Attempt, call: Callable[..., R]) -> R:
        began_at = self.breakers.clock()
        is_judged = False
        try:
            replies = call(timeout_s=max(0.0, attempt.until - self.clock()), deadline=attempt.until)
            # A replica that has answered one of them isn't out of order.
            is_judged = self._judge(attempt, min(replies, key=lambda reply: reply.status), began_at)
            return replies
        except client.CallFailed as error:
            if not self._is_over(attempt) or (isinstance(error, client.NoAnswer) and not attempt.is_short):
                self._failed(attempt, error, began_at)
                is_judged = True
            raise
        finally:
            if not is_judged:
                self._release(attempt.turn)

    def reject(self, attempt: Attempt, reply: client.Reply) -> None:
        """The answer makes no sense to the caller: whoever gives such answers leaves the rotation."""
        if reply.status in (*TURNED_AWAY, HTTPStatus.SERVICE_UNAVAILABLE):
            return  # That has been judged already.
        self.breakers.failed(attempt.node, reason_of(reply), fault=Fault.ANSWERED, is_trial=attempt.turn.is_trial)

    def unavailable(self) -> problems.Unavailable:
        return problems.Unavailable(
            f"No {self.service} replica can answer at the moment. Try again shortly.", service=self.service
        )

    def _judge(self, attempt: Attempt, reply: client.Reply, began_at: float) -> bool:
        """Whether the answer says something about the replica."""
        is_turned_away = reply.status in TURNED_AWAY
        if not is_turned_away and not self._is_own_fault(reply):
            self.breakers.answered(attempt.node, began_at)
        elif attempt.is_short and self._is_over(attempt):
            return False  # There was too little time.
        else:
            self._failed(attempt, reply, began_at)
        return True

    def _is_own_fault(self, reply: client.Reply) -> bool:
        """Whether a replica says that it can't answer, and not that another service can't."""
        if reply.status != HTTPStatus.SERVICE_UNAVAILABLE:
            return False
        return bool(problem_of(reply).get("service", self.service) == self.service)

    def _is_over(self, attempt: Attempt) -> bool:
        """Whether the time for the attempt is over, as the replica sees it."""
        return self.clock() >= attempt.until - 2 * HOP_MARGIN_S

    def _failed(self, attempt: Attempt, outcome: client.Reply | client.CallFailed, began_at: float) -> None:
        fault = fault_of(outcome, took_s=self.breakers.clock() - began_at)
        is_trial = attempt.turn.is_trial
        self.breakers.failed(attempt.node, reason_of(outcome), fault=fault, began_at=began_at, is_trial=is_trial)

    def _release(self, turn: Turn) -> None:
        if turn.is_trial:
            self.breakers.end_trial(turn.node)

    def _probe(self, node: Node) -> bool:
        return probe(node, self.breakers, self.call, timeout_s=PROBE_TIMEOUT_S) is not None
