"""What the catalog refuses, and why. Each error's `lines` name what can't be had, and what is left."""

from collections.abc import Sequence
from typing import Any

from bookstore_project.api.problems import StoreError


class OutOfStock(StoreError):
    """Fewer copies are left than were asked for."""

    code = "out_of_stock"


class PriceChanged(StoreError):
    """The book costs something else than the customer saw."""

    code = "price_changed"


class LinesUnavailable(StoreError):
    """Some lines of an order can't be had as asked for; none was sold."""

    code = "lines_unavailable"

    def __init__(self, sentences: Sequence[str], **extra: Any) -> None:
        super().__init__(" ".join(sentences), **extra)
