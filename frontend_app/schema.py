"""OpenAPI of the front's own routes."""

from typing import Any

from bookstore_project.wire.parameters import REQUEST_TIMEOUT
from bookstore_project.wire.schema import ProblemAwareSchema


class FrontSchema(ProblemAwareSchema):
    """Every operation takes the time that its client gives it."""

    def get_override_parameters(self) -> list[Any]:
        return [*super().get_override_parameters(), REQUEST_TIMEOUT]
