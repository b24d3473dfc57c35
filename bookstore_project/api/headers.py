"""Names of the HTTP headers that the store reads and sends, with their meaning."""

REQUEST_ID = "X-Request-Id"
"""One id for a request through every process; made by the first node that has none."""
REPLICA = "X-Replica"
"""The node that answered, or that filled the cache entry; `front` if no replica did."""
LOG_POSITION = "X-Log-Position"
"""The settled log position of that replica's service that the answer reflects."""
TIMELINE = "X-Log-Timeline"
"""The timeline that the position belongs to: between nodes only."""
CACHE = "X-Cache"
"""`hit`, `miss` or `bypass`."""
SERVER_TIMING = "Server-Timing"
IDEMPOTENCY_KEY = "Idempotency-Key"
"""draft-ietf-httpapi-idempotency-key-header: a repeat of the key gets the first answer."""
IDEMPOTENT_REPLAYED = "Idempotent-Replayed"
REQUEST_TIMEOUT = "X-Request-Timeout"
"""How long a client of a front waits: seconds, as a decimal."""

# Between nodes only: believed together with the service token, ignored without.
FRONT_INSTANCE = "X-Front-Instance"
"""Of a push: which process of the front it is meant for."""
SERVICE_TOKEN = "X-Service-Token"  # noqa: S105  (a header's name)
ACTING_USER = "X-Acting-User"
"""The name of the staff member on whose behalf a front calls; percent-encoded, for names are Unicode."""
DEADLINE = "X-Deadline"
"""When the caller stops waiting: seconds since the epoch, as a decimal."""
CLOCK = "X-Clock"
"""Of an answer: what time it is there, as in a deadline."""
FIRST_ATTEMPT = "X-First-Attempt"
"""`1` if no other attempt with this key was or will be made unless this one is answered."""


def environ_name(header: str) -> str:
    """`X-Replica` → `HTTP_X_REPLICA`, as WSGI and Django's request.META spell it."""
    return "HTTP_" + header.upper().replace("-", "_")
