"""Calls to the replicas of a service: in turn, with time limits, again on the other where that is safe."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import IO, Any

from bookstore_project.api import headers, idempotency, problems
from bookstore_project.nodes import client, deadlines, redaction
from bookstore_project.nodes.balancing.balancer import Attempt, Balancer
from bookstore_project.nodes.balancing.checks import TURNED_AWAY, reason_of
from bookstore_project.nodes.deadlines import HOP_MARGIN_S
from bookstore_project.nodes.json_documents import json_object
from bookstore_project.replication.conf import replication_settings
from bookstore_project.settings.topology import Node
from frontend_app.monitoring.trace import current_trace

PURCHASES = "/api/v1/orders/"
READ_ATTEMPT_S = replication_settings.write_wait_s
READ_TOTAL_S = max(5.0, READ_ATTEMPT_S + 0.5)
PURCHASE_TOTAL_S, PURCHASE_ATTEMPT_S = 10.0, 4.0
WRITE_TOTAL_S = 10.0
DOWNLOAD_TOTAL_S, DOWNLOAD_ATTEMPT_S = 120.0, 60.0
"""A file of a large shop takes a while to be made."""


@dataclass(frozen=True)
class UpstreamAnswer:
    """A replica's answer, read once: whatever its status, it is for the client (unless it is turned away)."""

    replica: str
    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def content_type(self) -> str:
        return self.headers.get("Content-Type", "application/json")

    @property
    def is_turned_away(self) -> bool:
        """Whether the replica doesn't believe this front, and so did nothing."""
        return self.status in TURNED_AWAY

    @property
    def position(self) -> int | None:
        """The log position that the answer reflects; None if the replica didn't say."""
        text = self.headers.get(headers.LOG_POSITION, "")
        return int(text) if text.isdigit() else None

    @property
    def timeline(self) -> str:
        return self.headers.get(headers.TIMELINE, "")

    @property
    def code(self) -> str:
        """The problem's code; empty for an answer that is none."""
        if not self.content_type.startswith(problems.CONTENT_TYPE):
            return ""
        return str(json_object(self.body).get("code", ""))


@dataclass
class Upstream:
    """One service, as a front calls it. A client's own deadline (`nodes.deadlines`) shortens what calls may take."""

    balancer: Balancer

    @property
    def service(self) -> str:
        return self.balancer.service

    @property
    def nodes(self) -> list[Node]:
        return self.balancer.turns.nodes

    def read(self, path: str, extra: Mapping[str, str] | None = None) -> UpstreamAnswer:
        """A GET, tried on a second replica if the first can't answer. Raises Unavailable if neither can."""
        deadline = self._deadline(READ_TOTAL_S)
        for attempt in self.balancer.attempts(deadline, READ_ATTEMPT_S):
            try:
                answer = self._ask(attempt, "GET", path, None, extra)
            except client.CallFailed:
                continue
            if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR and not answer.is_turned_away:
                return answer
        raise self._unavailable(deadline)

    def download(self, path: str, into: IO[bytes], extra: Mapping[str, str]) -> UpstreamAnswer:
        """A GET of a file, which goes `into` one, whole. Again on a second replica. Raises Unavailable."""
        deadline = self._deadline(DOWNLOAD_TOTAL_S)
        for attempt in self.balancer.attempts(deadline, DOWNLOAD_ATTEMPT_S):
            try:
                answer = self._ask(attempt, "GET", path, None, extra, into)
            except client.CallFailed:
                continue
            if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR and not answer.is_turned_away:
                return answer
        raise self._unavailable(deadline)

    def write(self, method: str, path: str, body: bytes | None, extra: Mapping[str, str]) -> UpstreamAnswer:
        """A write that may not be repeated: tried again only if it never left, or wasn't let in.

        Raises Unavailable if it never left at all, OutcomeUnknown if it may have been carried out.
        """
        deadline = self._deadline(WRITE_TOTAL_S)
        for attempt in self.balancer.attempts(deadline, WRITE_TOTAL_S, is_repeatable=False):
            try:
                answer = self._ask(attempt, method, path, body, extra)
            except client.NeverSent:
                continue
            except client.NoAnswer as error:
                raise problems.OutcomeUnknown(
                    "The replica was asked and did not answer: it may have been done. Look before you repeat it.",
                    **_key_member(extra),
                ) from error
            if not answer.is_turned_away:
                return answer
        raise self._unavailable(deadline)

    def purchase(self, body: bytes, key: str, *, is_own_key: bool) -> UpstreamAnswer:
        """A purchase under its key, tried on a second replica if the first gives no definite answer.

        Raises Unavailable if it certainly wasn't carried out, OutcomeUnknown (with order id and key) if it may
        have been.
        """
        unknown = problems.OutcomeUnknown(
            "The purchase may have been made. Repeat it with this Idempotency-Key to find out: it is made once.",
            order=str(idempotency.order_id(key)),
            idempotency_key=key,
        )
        return self._keyed(PURCHASES, body, key, {}, unknown, is_own_key=is_own_key)

    def change_order(self, path: str, body: bytes, key: str, extra: Mapping[str, str]) -> UpstreamAnswer:
        """A change of an order under its key, tried on a second replica as a purchase is.

        Raises Unavailable if it certainly wasn't carried out, OutcomeUnknown (with the key) if it may have been.
        """
        unknown = problems.OutcomeUnknown(
            "The order may have been changed. Repeat it with this Idempotency-Key to find out: it is changed once.",
            idempotency_key=key,
        )
        return self._keyed(path, body, key, extra, unknown)

    def _keyed(
        self,
        path: str,
        body: bytes,
        key: str,
        more: Mapping[str, str],
        unknown: problems.OutcomeUnknown,
        *,
        is_own_key: bool = False,
    ) -> UpstreamAnswer:
        may_be_done = has_left = False
        refusal: dict[str, Any] = {}
        deadline = self._deadline(PURCHASE_TOTAL_S)
        for attempt in self.balancer.attempts(deadline, PURCHASE_ATTEMPT_S):
            extra = {headers.IDEMPOTENCY_KEY: key}
            if is_own_key and not has_left:
                extra[headers.FIRST_ATTEMPT] = "1"
            try:
                answer = self._ask(attempt, "POST", path, body, {**more, **extra})
            except client.NeverSent:
                continue
            except client.NoAnswer:
                has_left = may_be_done = True
                continue
            if answer.is_turned_away:
                continue
            has_left = True
            if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                return answer
            may_be_done = may_be_done or answer.code != problems.Unavailable.code
            refusal = json_object(answer.body)
        if may_be_done:
            raise unknown
        if refusal.get("service", self.service) != self.service:
            raise problems.Unavailable(str(refusal.get("detail")), service=refusal["service"])
        raise self._unavailable(deadline)

    def _deadline(self, total_s: float) -> float:
        """When the answer is needed, in epoch seconds: the store's own limit, or the client's if that is earlier."""
        own, clients = self.balancer.clock() + total_s, deadlines.current()
        return own if clients is None else min(own, clients)

    def _unavailable(self, deadline: float) -> problems.Unavailable:
        if self.balancer.clock() >= deadline - HOP_MARGIN_S:
            return problems.Unavailable(
                f"No {self.service} replica answered in the time that there was. Nothing was changed."
            )
        return self.balancer.unavailable()

    def _ask(
        self,
        attempt: Attempt,
        method: str,
        path: str,
        body: bytes | None,
        extra: Mapping[str, str] | None,
        into: IO[bytes] | None = None,
    ) -> UpstreamAnswer:
        with current_trace().step(attempt.node.name, f"{method} {redaction.target(path)}") as step:
            try:
                reply = self.balancer.ask(attempt, method, path, body=body, extra_headers=extra, into=into)
            except client.CallFailed as error:
                step.result = reason_of(error)
                raise
            step.result = str(reply.status)
        return UpstreamAnswer(attempt.node.name, reply.status, reply.body, reply.headers)


def _key_member(extra: Mapping[str, str]) -> dict[str, Any]:
    key = extra.get(headers.IDEMPOTENCY_KEY)
    return {"idempotency_key": key} if key else {}
