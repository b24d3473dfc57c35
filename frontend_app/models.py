"""What operators may do to the store: permissions, which Django keeps by model."""

from django.db import models


class StoreOperation(models.Model):
    """No rows: it is there for its permissions. What each is needed for: `api/permissions.py`."""

    class Meta:
        default_permissions = ()
        permissions = (
            ("drain_replica", "Can take replicas out of the rotation and let them in again"),
            ("clear_cache", "Can empty the cache of a front"),
            ("break_store", "Can stop nodes and damage files, where the store is there to be broken"),
        )

    def __str__(self) -> str:
        return "store operation"
