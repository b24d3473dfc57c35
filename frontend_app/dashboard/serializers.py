"""What the cluster page's data looks like: for the schema."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from bookstore_project.api.fields import MomentField
from bookstore_project.settings import modes
from frontend_app.dashboard.state import STATES


@extend_schema_field(
    {
        "type": "object",
        "nullable": True,  # A serializer that may be null is a reference to what may not, for OpenAPI 3.0.
        "description": "What is being done with its copy; null if nothing that takes long.",
        "required": ["what", "part", "left_s"],
        "properties": {
            "what": {"type": "string", "description": "Such as `copying catalog-1 for catalog-2`."},
            "part": {"type": "number", "description": "How much of it is done, 0 to 1."},
            "left_s": {
                "type": "number",
                "nullable": True,
                "description": "How long the rest takes at this pace, if it is known.",
            },
        },
    }
)
class WorkField(serializers.JSONField):
    """Long work on a copy."""


class NodeFields(serializers.Serializer[Any]):
    """A node, as this front sees it."""

    name = serializers.CharField()
    service = serializers.ChoiceField(choices=["front", "catalog", "order"])
    address = serializers.CharField()
    pid = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(
        choices=STATES,
        help_text="`out`: not called, except by checks; `half-open`: takes one request at a time, on trial; "
        "`drained`: by staff, no new requests; `unknown`: not heard of yet.",
    )
    reason = serializers.CharField(help_text="Why it isn't up; empty otherwise.", allow_blank=True)
    in_sync = serializers.BooleanField(allow_null=True)
    position = serializers.IntegerField(allow_null=True, help_text="Of its log.")
    lag = serializers.IntegerField(allow_null=True, help_text="Entries behind the other replica.")
    epoch = serializers.IntegerField(allow_null=True)
    seen_s = serializers.FloatField(allow_null=True, help_text="Seconds since it last answered.")
    floor = serializers.IntegerField(allow_null=True, help_text="The newest settled position of its service.")
    out_because = serializers.CharField(help_text="Why its copy is out of sync; empty otherwise.", allow_blank=True)
    work = WorkField()
    process = serializers.ChoiceField(
        choices=["running", "stopped", "paused"],
        allow_null=True,
        help_text="How the supervisor keeps it: `stopped` and `paused` are on purpose; null if no supervisor tells.",
    )
    served = serializers.IntegerField(help_text="Answers in the last minute; of replicas, those to this front.")
    failed = serializers.IntegerField(help_text="Of them, and of calls without an answer, those that failed.")
    p50_ms = serializers.FloatField(allow_null=True)
    p99_ms = serializers.FloatField(allow_null=True)
    per_second = serializers.ListField(
        child=serializers.IntegerField(), help_text="Answers in each second of the last minute, the newest last."
    )


class RotationFields(serializers.Serializer[Any]):
    """Turns over the replicas of a service."""

    service = serializers.CharField()
    next = serializers.CharField(
        allow_null=True, help_text="Whom the next request asks first; null if none can be asked."
    )


class SharedFields(serializers.Serializer[Any]):
    """A cache outside the process, as this front sees it."""

    state = serializers.ChoiceField(
        choices=["closed", "open", "half-open"], help_text="Of its circuit breaker; `closed`: it is used."
    )
    reason = serializers.CharField(help_text="Why it is left out; empty otherwise.", allow_blank=True)
    failures = serializers.IntegerField()
    timeouts = serializers.IntegerField()
    openings = serializers.IntegerField(help_text="How often it was left out.")
    dropped = serializers.IntegerField(help_text="Sets and deletes that it never heard of.")


class CacheFields(serializers.Serializer[Any]):
    """This front's cache."""

    coherence = serializers.ChoiceField(
        choices=list(modes.COHERENCE), help_text="Anything but `full` is an experiment: reads may be stale."
    )
    size = serializers.IntegerField(allow_null=True, help_text="Unknown of a shared cache, as is `max`.")
    max = serializers.IntegerField(allow_null=True)
    hits = serializers.IntegerField()
    misses = serializers.IntegerField()
    bypasses = serializers.IntegerField()
    evictions = serializers.IntegerField(help_text="Entries that made room for others.")
    expiries = serializers.IntegerField(help_text="Entries found too old.")
    invalidations = serializers.IntegerField()
    keys = serializers.ListField(child=serializers.CharField(), help_text="Up to 200, the one used last at the end.")
    next_out = serializers.ListField(child=serializers.CharField(), help_text="The next to go first.")
    hit_ratios = serializers.ListField(
        child=serializers.FloatField(allow_null=True),
        help_text="Hits among the reads that could be hits, for each second of the last minute, the newest last.",
    )
    shared = SharedFields(required=False, help_text="Absent if the cache is this front's own.")


class InvalidationFields(serializers.Serializer[Any]):
    """A change that the catalog told the cache of."""

    at = MomentField()
    position = serializers.IntegerField()
    keys = serializers.ListField(child=serializers.CharField(), help_text="The first of them.")
    more = serializers.IntegerField(help_text="How many further keys there were.")


class StepFields(serializers.Serializer[Any]):
    """A call to a replica."""

    node = serializers.CharField()
    call = serializers.CharField()
    result = serializers.CharField()
    took_ms = serializers.FloatField()


class RequestFields(serializers.Serializer[Any]):
    """A request that this front answered."""

    at = MomentField()
    method = serializers.CharField()
    path = serializers.CharField(help_text="For staff, and shortened; for others the pattern of its route.")
    status = serializers.IntegerField()
    cache = serializers.CharField()
    replica = serializers.CharField()
    took_ms = serializers.FloatField()
    request_id = serializers.CharField(help_text="For staff; for others empty.")
    trace = StepFields(many=True)


class EventFields(serializers.Serializer[Any]):
    """Something that happened to a node."""

    at = MomentField()
    node = serializers.CharField()
    event = serializers.CharField()


class ClusterFields(serializers.Serializer[Any]):
    """The store, as this front sees it."""

    nodes = NodeFields(many=True)
    servers = serializers.ListField(
        child=serializers.CharField(),
        help_text="Those that have the rows, in words, for staff; none where rows are in files, or if none answers.",
    )
    rotation = RotationFields(many=True)
    cache = CacheFields()
    invalidations = InvalidationFields(many=True, help_text="The newest first.")
    requests = RequestFields(many=True, help_text="The newest first.")
    events = EventFields(many=True, help_text="The newest first.")
