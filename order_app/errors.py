"""What the order service answers when the catalog says no."""

from typing import Any

from bookstore_project.api import problems
from bookstore_project.api.problems import StoreError


class Refused(StoreError):
    """The catalog's own refusal, passed on: out of stock, no such book, a key used for something else."""

    def __init__(self, problem: dict[str, Any], *, is_repeat: bool = False) -> None:
        extra = {name: problem[name] for name in ("errors", "lines", "is_bought") if name in problem}
        super().__init__(str(problem.get("detail", "The catalog refused.")), is_repeat=is_repeat, **extra)
        code = problem.get("code")
        self.code = code if code in problems.TITLES else "internal_error"
