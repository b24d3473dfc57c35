"""One message to one process of a front, over the wire."""

import json

from django.core.exceptions import ImproperlyConfigured

from bookstore_project.api import headers, internal_paths
from bookstore_project.nodes import client
from bookstore_project.replication.conf import front_at
from bookstore_project.replication.interface import Lease
from bookstore_project.replication.invalidation import unwanted
from bookstore_project.replication.invalidation.messages import PushMessage

PUSH_TIMEOUT_S = 0.3


def push(lease: Lease, message: PushMessage, timeout_s: float = PUSH_TIMEOUT_S) -> bool:
    """Sends one message to one process of a front; whether it, and no other, answered that it has taken it."""
    answer = answer_to(lease, message, timeout_s)
    if answer is None:
        return False
    unwanted.note(lease.holder, message, answer)
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
