"""What a replica's views have in common, and the internal routes that every replica has."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypedDict

from django.core.exceptions import ImproperlyConfigured
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookstore_project.api import headers
from bookstore_project.api.fields import StrictFields, TextField, WholeNumberField
from bookstore_project.api.permissions import IsService
from bookstore_project.api.schema_notes import described
from bookstore_project.api.views import StoreView
from bookstore_project.nodes import deadlines, processes
from bookstore_project.replication import maintenance_log, origin, reads
from bookstore_project.replication.conf import front_at, replication_settings
from bookstore_project.replication.engine import engine
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.interface import Committed, Poll, Snapshot
from bookstore_project.replication.invalidation import polls
from bookstore_project.replication.router import local_alias
from bookstore_project.replication.service import get_service

LONGEST_ADDRESS, LONGEST_INSTANCE, LEAST_LEASE_S = 100, 64, 0.1
"""Of a front's poll."""


class ReplicaView(StoreView):
    """A view that reads through the gate and writes through the protocol, and says at which position."""

    service: str
    _position: tuple[int, str] | None = None

    @contextmanager
    def reading(self, keys: Sequence[str] = ()) -> Iterator[Snapshot]:
        with reads.reading(self.service, keys=keys) as snapshot:
            self._position = snapshot.position, snapshot.timeline
            yield snapshot

    def committed(self, outcome: Committed[Any]) -> Any:
        """Notes the position of a write; gives back its value."""
        self._position = outcome.position, outcome.timeline
        return outcome.value

    def deadline(self, request: Request) -> float | None:
        """Until when the caller waits, in epoch seconds; None if it didn't say, or is no node of the store."""
        sent = request.headers.get(headers.DEADLINE)
        if sent is None or not getattr(request.user, "is_service", False):
            return None
        seconds: float = serializers.FloatField().run_validation(sent)
        return seconds

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        with deadlines.until(None), origin.made_by():
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # From here on, waiting for locks ends with it. Nobody waits for what begins later.
        deadlines.begin(self.deadline(request))
        deadlines.assert_time_left()
        origin.begin(request.user.get_username(), origin.API)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)
        with suppress(Unavailable):
            position, timeline = self._position or self._settled()
            final[headers.LOG_POSITION], final[headers.TIMELINE] = str(position), timeline
        return final

    def _settled(self) -> tuple[int, str]:
        """For an answer that read nothing: where the service stands."""
        standing = engine.standing(get_service(self.service))
        return standing.floor, standing.timeline


class ReplicaStatus(TypedDict):
    """What a replica says of itself, and of the agreement that it sees."""

    node: str
    alias: str
    pid: int
    address: str
    in_sync: bool
    position: int
    floor: int
    epoch: int
    timeline: str
    out: dict[str, str]
    """By alias, why it is out of sync, or suspected."""
    last_repair: maintenance_log.Repair | None
    last_scrub: maintenance_log.Scrub | None
    work: maintenance_log.Work | None
    servers: list[str]
    """Where rows are on servers, what is to be said of those."""


@described(exclude=True)
class StatusView(APIView):
    """This replica, for the front's cluster page: 503 with the reason if it can't promise a read."""

    permission_classes = (IsService,)
    service: str = ""

    def get(self, request: Request) -> Response:
        return Response(status_of(self.service))


def status_of(service: str) -> ReplicaStatus:
    """What this replica says of itself. Raises Unavailable, with the reason, if it can't promise a read."""
    standing = engine.standing(get_service(service))
    with reads.reading(service, keys=reads.NOTHING) as snapshot:
        position = snapshot.position
    name = replication_settings.node or snapshot.alias
    return ReplicaStatus(
        node=name,
        alias=snapshot.alias,
        pid=os.getpid(),
        address=replication_settings.address(name),
        in_sync=snapshot.alias in standing.trusted,
        position=position,
        floor=standing.floor,
        epoch=standing.epoch,
        timeline=standing.timeline,
        out=standing.complaints,
        last_repair=maintenance_log.last_repair(service),
        last_scrub=maintenance_log.last_scrub(service),
        work=maintenance_log.current_work(service),
        servers=engine.servers(get_service(service)),
    )


class PollInput(StrictFields):
    """A front's poll."""

    # Writers wait for the fronts that the settings name, and for no others.
    front = serializers.ChoiceField(list(replication_settings.fronts))
    address = TextField(max_length=LONGEST_ADDRESS)
    instance = TextField(max_length=LONGEST_INSTANCE)
    since = WholeNumberField(allow_null=True, min_value=0)
    confirmed = serializers.ListField(allow_null=True, min_length=2, max_length=2)
    is_settling = serializers.BooleanField(default=False)
    timeline = TextField(max_length=LONGEST_INSTANCE, required=False, allow_null=True, default=None)
    # A writer that finds a front's record gone waits for as long as a lease may last.
    lease_s = serializers.FloatField(min_value=LEAST_LEASE_S, max_value=replication_settings.lease_s)

    def validate_address(self, address: str) -> str:
        """Writers will push to it."""
        try:
            front_at("", address)
        except ImproperlyConfigured as error:
            raise serializers.ValidationError("Expected HOST:PORT.") from error
        return address


@described(exclude=True)
class LeaseView(APIView):
    """A front polls: it gets its lease and what it missed."""

    permission_classes = (IsService,)
    service: str = ""

    def post(self, request: Request) -> Response:
        poll = PollInput(data=request.data)
        poll.is_valid(raise_exception=True)
        members = dict(poll.validated_data)
        confirmed = members.pop("confirmed")
        alias = local_alias(get_service(self.service))
        return Response(
            polls.answer(self.service, alias, Poll(confirmed=tuple(confirmed) if confirmed else None, **members))
        )


class ProcessInput(StrictFields):
    """Which process is asked for."""

    process = TextField(max_length=LONGEST_INSTANCE)


@described(exclude=True)
class ProcessView(APIView):
    """Whether a process of this machine has ended; null if that can't be known here."""

    permission_classes = (IsService,)

    def post(self, request: Request) -> Response:
        asked = ProcessInput(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response({"has_ended": processes.has_ended(asked.validated_data["process"])})
