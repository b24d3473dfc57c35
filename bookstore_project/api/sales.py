"""A sale, as the order service asks for it, and as the catalog tells of it."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Line:
    """What is asked for: copies of a book, at the price that the customer saw (None: at any)."""

    book: int
    quantity: int
    unit_price: Decimal | None = None

    def as_json(self) -> dict[str, Any]:
        price = {} if self.unit_price is None else {"unit_price": str(self.unit_price)}
        return {"book": self.book, "quantity": self.quantity} | price


@dataclass(frozen=True)
class SoldLine:
    """Copies sold, with title and price as they were at that moment."""

    number: int
    """Of the ledger row: sales are numbered upwards in the order in which they happened."""
    book: int
    title: str
    quantity: int
    unit_price: Decimal


@dataclass(frozen=True)
class Sale:
    """All that was sold for one order; its lines are numbered one after the other."""

    order: uuid.UUID
    sold_at: datetime
    lines: tuple[SoldLine, ...]
    is_repeat: bool = False

    @property
    def first(self) -> int:
        """The number of its first ledger row."""
        return self.lines[0].number

    @property
    def last(self) -> int:
        """The number of its last ledger row: the next sale's are above it."""
        return self.lines[-1].number

    def as_json(self) -> dict[str, Any]:
        """What `parse` makes a sale of."""
        return {
            "order": str(self.order),
            "sold_at": self.sold_at.isoformat(),
            "is_repeat": self.is_repeat,
            "lines": [asdict(line) | {"unit_price": str(line.unit_price)} for line in self.lines],
        }

    @classmethod
    def parse(cls, members: Mapping[str, Any]) -> "Sale":
        """Raises LookupError, TypeError, ValueError or ArithmeticError for what is no sale."""
        return cls(
            order=uuid.UUID(members["order"]),
            sold_at=datetime.fromisoformat(members["sold_at"]),
            lines=tuple(SoldLine(**line | {"unit_price": Decimal(line["unit_price"])}) for line in members["lines"]),
            is_repeat=members["is_repeat"],
        )
