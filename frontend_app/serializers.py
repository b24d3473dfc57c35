"""What the cluster page's data looks like: for the schema."""

from typing import Any

from rest_framework import serializers

from bookstore_project.settings import modes
from frontend_app.cluster import STATES


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
    keys = serializers.ListField(child=serializers.CharField(), help_text="The next to go first.")
    shared = SharedFields(required=False, help_text="Absent if the cache is this front's own.")


class StepFields(serializers.Serializer[Any]):
    """A call to a replica."""

    node = serializers.CharField()
    call = serializers.CharField()
    result = serializers.CharField()
    took_ms = serializers.FloatField()


class RequestFields(serializers.Serializer[Any]):
    """A request that this front answered."""

    at = serializers.DateTimeField()
    method = serializers.CharField()
    path = serializers.CharField()
    status = serializers.IntegerField()
    cache = serializers.CharField()
    replica = serializers.CharField()
    took_ms = serializers.FloatField()
    request_id = serializers.CharField()
    trace = StepFields(many=True)


class EventFields(serializers.Serializer[Any]):
    """Something that happened to a node."""

    at = serializers.DateTimeField()
    node = serializers.CharField()
    event = serializers.CharField()


class ClusterFields(serializers.Serializer[Any]):
    """The store, as this front sees it."""

    nodes = NodeFields(many=True)
    cache = CacheFields()
    requests = RequestFields(many=True, help_text="The newest first.")
    events = EventFields(many=True, help_text="The newest first.")
