"""What a run did, in words."""

from tests.chaos.faults import Struck
from tests.chaos.history import Asked, Kind, Operation, Outcome
from tests.chaos.report import Stall, longest_stall

FAULTS = [
    Struck("file-half on order-1", 1.0, 2.0),
    Struck("files-taken on catalog", 3.0, 6.5),
    Struck("kill-node front", 7.0, 7.0),
    Struck("witness-old on order", 8.0, 12.0),
    Struck("file-bits on order-2", 11.0, 11.0),
]


def sale(responded: float, outcome: Outcome = Outcome.OK, kind: Kind = Kind.SELL) -> Operation:
    return Operation("customer-1", Asked(kind, 1), responded - 0.5, responded, outcome)


def test_a_stall_lasts_from_one_acknowledged_write_to_the_next() -> None:
    told = [sale(1.0), sale(10.0), sale(4.0), sale(6.0, Outcome.REFUSED), sale(7.0, kind=Kind.READ), sale(11.0)]
    assert longest_stall(told) == Stall(4.0, 10.0)
    assert longest_stall([sale(1.0)]) == Stall(0.5, 1.0)
    assert longest_stall([]).seconds == 0


def test_a_store_that_sells_nothing_any_more_stalls_until_nobody_asks() -> None:
    assert longest_stall([sale(1.0), sale(2.0), sale(20.5, Outcome.REFUSED)]) == Stall(2.0, 20.0)
    assert longest_stall([sale(1.0, Outcome.REFUSED), sale(9.5)]) == Stall(0.5, 9.5)


def test_it_says_what_was_done_meanwhile_and_for_how_much_of_it() -> None:
    assert Stall(4.0, 10.0).meanwhile(FAULTS) == [
        "files-taken on catalog, 2.5 s",
        "kill-node front",
        "witness-old on order, 2.0 s",
    ]
