"""Sales and returns, as the order service asks for them, and as the catalog tells of them."""

import uuid
from collections.abc import Iterable, Mapping
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


class _LedgerRows:
    """What has lines, each with the number of its ledger row; they are numbered one after the other."""

    lines: "tuple[SoldLine, ...] | tuple[ReturnedLine, ...]"

    @property
    def first(self) -> int:
        return self.lines[0].number

    @property
    def last(self) -> int:
        """What comes next has a number above it."""
        return self.lines[-1].number


@dataclass(frozen=True)
class Sale(_LedgerRows):
    """All that was sold for one order; its lines are numbered one after the other."""

    order: uuid.UUID
    sold_at: datetime
    lines: tuple[SoldLine, ...]
    is_repeat: bool = False

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


@dataclass(frozen=True)
class ReturnedLine:
    """Copies of a book that are on the shelf again."""

    number: int
    """Of the ledger row: sales and returns are numbered together, in the order in which they happened."""
    book: int
    quantity: int


@dataclass(frozen=True)
class Return(_LedgerRows):
    """All copies that came back by one cancellation."""

    cancellation: uuid.UUID
    order: uuid.UUID
    returned_at: datetime
    actor: str
    lines: tuple[ReturnedLine, ...]
    is_repeat: bool = False

    def as_json(self) -> dict[str, Any]:
        """What `parse` makes a return of."""
        return {
            "cancellation": str(self.cancellation),
            "order": str(self.order),
            "returned_at": self.returned_at.isoformat(),
            "actor": self.actor,
            "is_repeat": self.is_repeat,
            "lines": [asdict(line) for line in self.lines],
        }

    @classmethod
    def parse(cls, members: Mapping[str, Any]) -> "Return":
        """Raises LookupError, TypeError or ValueError for what is no return."""
        return cls(
            cancellation=uuid.UUID(members["cancellation"]),
            order=uuid.UUID(members["order"]),
            returned_at=datetime.fromisoformat(members["returned_at"]),
            actor=members["actor"],
            lines=tuple(ReturnedLine(**line) for line in members["lines"]),
            is_repeat=members["is_repeat"],
        )


Movement = Sale | Return
"""What the ledger says of an order."""


def movements_as_json(movements: Iterable[Movement]) -> dict[str, Any]:
    """What `parse_movements` reads."""
    told = list(movements)
    return {
        "sales": [each.as_json() for each in told if isinstance(each, Sale)],
        "returns": [each.as_json() for each in told if isinstance(each, Return)],
    }


def parse_movements(members: Mapping[str, Any]) -> list[Movement]:
    """In the order in which they happened. Raises as `parse` does."""
    told: list[Movement] = [*map(Sale.parse, members["sales"]), *map(Return.parse, members["returns"])]
    return sorted(told, key=lambda each: each.first)
