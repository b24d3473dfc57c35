"""Parameters of paths and headers in the schemas: what they say is what is accepted, and nothing else is."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from bookstore_project.api import headers
from bookstore_project.api.representations import MAX_BOOK_ID

IDEMPOTENCY_KEY = OpenApiParameter(
    headers.IDEMPOTENCY_KEY,
    {"type": "string", "pattern": "^[!-~]{16,255}$"},
    OpenApiParameter.HEADER,
    description="16 to 255 visible ASCII characters, a UUID for example: a repeat of the key gets the first answer.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of what is to be changed; 412 if it has changed since.",
)
REQUEST_TIMEOUT = OpenApiParameter(
    headers.REQUEST_TIMEOUT,
    {"type": "string", "pattern": r"^(?=.*[1-9])[0-9]{1,9}(\.[0-9]{1,9})?$"},
    OpenApiParameter.HEADER,
    description="How many seconds the client waits, more than 0: then it is told what is known, or 503. "
    "The store's own limit counts if it is less.",
)
CSV = {(200, "text/csv"): OpenApiTypes.STR}
"""What answers with a file says so, in the place of a serializer."""
BOOK_ID = OpenApiParameter(
    "book_id", {"type": "integer", "minimum": 1, "maximum": MAX_BOOK_ID}, OpenApiParameter.PATH
)
REPLICA = OpenApiParameter("name", {"type": "string", "pattern": "^(catalog|order)-[12]$"}, OpenApiParameter.PATH)
"""What can be drained: not a front."""


def of_path(path: str) -> list[OpenApiParameter]:
    """The parameters that a path of the schema names, where they mean the same on every route."""
    return [BOOK_ID] if "{book_id}" in path else []
