"""Takes what catalog replicas push."""

from typing import Any

from bookstore_project.wire import problems
from frontend_app.cache.coherence import Coherence, Push

PATH = "/internal/push/"


def take(coherence: Coherence, message: Any) -> bool:
    """Invalidates and sets as the message says; False if it couldn't be done. Raises Invalid if it is no push."""
    try:
        push = Push.parse(message)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise problems.Invalid({"non_field_errors": ["This is no push of a catalog replica."]}) from error
    return coherence.pushed(push)
