"""Polls the catalog for changes and for the lease that lets this front use its cache."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from bookstore_project.api import internal_paths
from bookstore_project.nodes import client
from bookstore_project.nodes.balancing.checks import Call
from bookstore_project.nodes.json_documents import json_object
from bookstore_project.settings.topology import Node
from frontend_app.cache.coherence import Coherence
from frontend_app.cache.messages import PollAnswer, SentPoll

POLL_AFTER, TIMEOUT, CONFIRM_AFTER = 0.45, 0.33, 0.06
"""Of a lease: where one replica hangs, the other one's answer still comes before the lease has run out."""
POLLS_AT_FIRST = 60
"""How many may follow one another quickly until the first answer: a store begins, its replicas may be up later."""


@dataclass
class Poller:
    """Asks the catalog replicas in turn, the other one at once if the first can't answer."""

    front: Node
    catalogs: Sequence[Node]
    coherence: Coherence
    call: Call = client.call
    turn: int = 0

    def poll(self) -> bool:
        """Whether any replica answered."""
        self.turn += 1
        ring = [self.catalogs[(self.turn + offset) % len(self.catalogs)] for offset in range(len(self.catalogs))]
        return any(self._ask(node) for node in ring)

    def _ask(self, node: Node) -> bool:
        poll = self.coherence.next_poll()
        try:
            reply = self.call(
                node,
                "POST",
                internal_paths.LEASES,
                body=self._question(poll),
                timeout_s=self.coherence.lease_s * TIMEOUT,
                deadline=None,
            )
            if reply.status != HTTPStatus.OK:
                return False
            answer = PollAnswer.parse(json_object(reply.body))
        except (client.CallFailed, KeyError, TypeError, ValueError):
            return False
        self.coherence.polled(poll, answer)
        return True

    def _question(self, poll: SentPoll) -> bytes:
        return json.dumps(
            {
                "front": self.front.name,
                "address": self.front.address,
                "instance": self.coherence.instance,
                "since": poll.since,
                "timeline": poll.timeline,
                "confirmed": poll.confirmed,
                "is_settling": poll.is_settling,
                "lease_s": self.coherence.lease_s,
            }
        ).encode()

    def step(self) -> float:
        """One poll; seconds until the next: a writer may be waiting for the confirmation of what is in doubt."""
        self.poll()
        is_urgent = self.coherence.is_in_doubt or (self.coherence.timeline is None and self.turn <= POLLS_AT_FIRST)
        return self.coherence.lease_s * (CONFIRM_AFTER if is_urgent else POLL_AFTER)
