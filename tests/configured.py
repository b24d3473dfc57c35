"""Other settings of replication, for a test."""

from typing import Any

from django.conf import settings
from django.test import override_settings


def replication(**members: Any) -> override_settings:
    """As a context manager, or with `enable()` for the rest of a process: these keys of REPLICATION."""
    return override_settings(REPLICATION=settings.REPLICATION | members)
