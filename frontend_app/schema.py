"""OpenAPI of the front's own routes."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter

from bookstore_project.wire import headers
from bookstore_project.wire.schema import ProblemAwareSchema

REQUEST_TIMEOUT = OpenApiParameter(
    headers.REQUEST_TIMEOUT,
    {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9})?$"},
    OpenApiParameter.HEADER,
    description="How many seconds the client waits, more than 0: then it is told what is known, or 503. "
    "The store's own limit counts if it is less.",
)


class FrontSchema(ProblemAwareSchema):
    """Every operation takes the time that its client gives it."""

    def get_override_parameters(self) -> list[Any]:
        return [*super().get_override_parameters(), REQUEST_TIMEOUT]
