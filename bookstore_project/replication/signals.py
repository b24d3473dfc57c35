"""post_save and post_delete receivers: they note the object with the running transaction.

A signal notes that a row was saved; it writes no other database. The list is completed by triggers, which see what
sends no signal (`update()`, raw SQL), and `sqlite_pair/commit/attempt` writes both files by it. Both
together: a table that lost its triggers is noticed.
"""

from typing import Any

from django.db import models
from django.db.models.signals import post_delete, post_save

from bookstore_project.replication.service import service_of_app
from bookstore_project.replication.transaction import active_attempt


def connect() -> None:
    post_save.connect(queue_change, dispatch_uid="replication.saved")
    post_delete.connect(queue_change, dispatch_uid="replication.deleted")


def queue_change(sender: type[models.Model], instance: models.Model, using: str, **kwargs: Any) -> None:
    if service_of_app(sender._meta.app_label) is None:
        return
    attempt = active_attempt()
    if attempt is not None and using in attempt.service.aliases:
        attempt.touch(instance)
