"""One message to one process of a front, over the wire."""

import json
from dataclasses import dataclass
from http import HTTPStatus

from django.core.exceptions import ImproperlyConfigured

from bookstore_project.api import headers, internal_paths
from bookstore_project.nodes import client
from bookstore_project.replication.conf import front_at
from bookstore_project.replication.interface import Lease
from bookstore_project.replication.invalidation import unwanted
from bookstore_project.replication.invalidation.messages import PushMessage

PUSH_TIMEOUT_S = 0.3
LARGEST_BEGUN_BYTES = 8 * 1024
"""What a connection takes at once, however slow the front is."""


def push(lease: Lease, message: PushMessage, timeout_s: float = PUSH_TIMEOUT_S) -> bool:
    """Sends one message to one process of a front; whether it, and no other, answered that it has taken it."""
    answer = answer_to(lease, message, timeout_s)
    if answer is None:
        return False
    unwanted.note(lease.holder, message, answer)
    return True


def begin_push(lease: Lease, message: PushMessage) -> "Begun | None":
    """The same, if a connection to that front is open, without waiting for it; None if it takes a `push`."""
    body = json.dumps(message, ensure_ascii=False).encode()
    if len(body) > LARGEST_BEGUN_BYTES:
        return None
    meant = {headers.FRONT_INSTANCE: lease.instance} if lease.instance else {}
    try:
        node = front_at(lease.front, lease.address)
        sent = client.send(node, internal_paths.PUSH, body=body, extra_headers=meant, timeout_s=PUSH_TIMEOUT_S)
    except (client.NoAnswer, ImproperlyConfigured):
        return None
    return Begun(lease, message, sent) if sent is not None else None


@dataclass
class Begun:
    """A push that is under way."""

    _lease: Lease
    _message: PushMessage
    _sent: client.Sent

    def result(self) -> bool:
        """Whether that process of the front has taken it; waits for its answer, once."""
        try:
            reply = self._sent.reply()
        except client.NoAnswer:
            return False
        if reply.status != HTTPStatus.OK:
            return False
        unwanted.note(self._lease.holder, self._message, reply.body)
        return True


def answer_to(lease: Lease, message: PushMessage, timeout_s: float) -> bytes | None:
    """Of the process that has taken the message."""
    body = json.dumps(message, ensure_ascii=False).encode()
    meant = {headers.FRONT_INSTANCE: lease.instance} if lease.instance else {}
    for _ in range(2):  # Once more: the pooled connection may have died with the front's former process.
        try:
            node = front_at(lease.front, lease.address)
            answer = client.call(
                node, "POST", internal_paths.PUSH, body=body, extra_headers=meant, timeout_s=timeout_s
            )
            return answer.body if answer.status == 200 else None
        except (client.NeverSent, ImproperlyConfigured):  # The latter: its address is none.
            return None
        except client.NoAnswer as error:
            if "timed out" in str(error):
                return None
    return None
