"""What the admin's pages say of the replica that they come from."""

from typing import Any

from django import template
from django.http import HttpRequest

from bookstore_project.replication import reads
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.web.failover_page import others_in_sync

register = template.Library()


@register.inclusion_tag("admin/replica_trouble.html", takes_context=True)
def replica_trouble(context: dict[str, Any]) -> dict[str, Any]:
    """A note with the reason if this node's replica can't promise a read now, and where the same page can be had."""
    service = replication_settings.service_of_node
    if service is None:
        return {}
    request: HttpRequest = context["request"]
    try:
        reads.assert_readable(service)
    except Unavailable as error:
        return {"reason": error.detail, "others": others_in_sync(service, request)}
    return {}
