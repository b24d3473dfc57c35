"""Leases that are over before their time: of a process that is gone, or that says so. No writer waits for those."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from http import HTTPStatus

from django.core.exceptions import ImproperlyConfigured

from bookstore_project.api import internal_paths
from bookstore_project.nodes import client, processes
from bookstore_project.nodes.json_documents import json_object
from bookstore_project.replication.conf import front_at, replica_beside, replication_settings
from bookstore_project.replication.interface import Holder, Lease
from bookstore_project.replication.invalidation import sending
from bookstore_project.replication.invalidation.messages import LEASE_ENDED, PushMessage

TIMEOUT_S = 0.1
"""Of a host that doesn't answer the leases run meanwhile."""


def has_ended(lease: Lease) -> bool | None:
    """Whether that process is gone for good, by the kernel that ran it; None if nobody there can be asked.

    That nobody listens at its address any more isn't enough: a firewall can say so, too.
    """
    process = processes.of_instance(lease.instance)
    known = processes.has_ended(process)
    return _has_ended_there(lease, process) if known is None and process else known


def _has_ended_there(lease: Lease, process: str) -> bool | None:
    """As the catalog replica on that front's host has it."""
    try:
        asked = replica_beside(front_at(lease.front, lease.address), replication_settings.service_of_node or "")
        if asked is None or asked.name == replication_settings.node:
            return None
        body = json.dumps({"process": process}).encode()
        answer = client.call(asked, "POST", internal_paths.PROCESSES, body=body, timeout_s=TIMEOUT_S)
        told = json_object(answer.body).get("has_ended") if answer.status == HTTPStatus.OK else None
        return told if isinstance(told, bool) else None
    except (client.CallFailed, ImproperlyConfigured, LookupError, ValueError):
        return None


def end_leases(leases: Sequence[Lease]) -> list[Holder]:
    """Has these processes of fronts give up what lease they have, all at once; those that have said so."""
    answers = {lease.holder: _pool().submit(copy_context().run, _has_ended_lease, lease) for lease in leases}
    return [holder for holder, answer in answers.items() if answer.result()]


def _has_ended_lease(lease: Lease) -> bool:
    message: PushMessage = {"timeline": "", "invalidate": [], "set": [], "ends_lease": True}
    answer = sending.answer_to(lease, message, sending.PUSH_TIMEOUT_S)
    try:
        return answer is not None and json_object(answer).get(LEASE_ENDED) is True
    except ValueError:
        return False


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(8, thread_name_prefix="end-leases")
