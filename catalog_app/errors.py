"""What the catalog refuses, and why."""

from typing import Any

from bookstore_project.api.problems import StoreError


class OutOfStock(StoreError):
    """Fewer copies are left than were asked for."""

    code = "out_of_stock"

    def __init__(self, title: str, asked: int, left: int, **extra: Any) -> None:
        copies = "copy is" if left == 1 else "copies are"
        super().__init__(f"{left} {copies} left of “{title}”, {asked} were asked for.", **extra)
