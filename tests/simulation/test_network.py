"""The simulated network carries what it is told to carry, in the direction in which it is told."""

import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.simulation.faults import Faults
from tests.simulation.network import Network
from tests.simulation.plan import Plan, Strike


def test_what_is_cut_is_cut_in_one_direction() -> None:
    network = Network(random.Random(1))
    network.cut.add(("front", "catalog-1"))
    assert network.carry("front", "catalog-1") == []
    assert len(network.carry("catalog-1", "front")) == 1
    network.heal()
    assert len(network.carry("front", "catalog-1")) == 1


def test_whose_calls_are_barred_is_answered_all_the_same() -> None:
    network = Network(random.Random(1))
    network.barred.add(("catalog-1", "front"))
    assert network.carry("catalog-1", "front") == []
    assert len(network.carry("catalog-1", "front", is_call=False)) == 1
    assert len(network.carry("front", "catalog-1")) == 1
    network.heal()
    assert len(network.carry("catalog-1", "front")) == 1


@pytest.mark.parametrize("seed", range(6))
def test_who_is_isolated_hears_nobody_or_is_heard_by_nobody_until_it_passes(seed: int) -> None:
    network, nodes = Network(random.Random(1)), ["front", "catalog-1", "order-1"]
    told, passes = network.isolate(random.Random(seed), nodes)
    how, node = told.rsplit(" ", 1)
    for other in set(nodes) - {node}:
        assert bool(network.carry(other, node)) is (how == "from")
        assert bool(network.carry(node, other)) is (how == "to")
    assert len(network.carry(*sorted(set(nodes) - {node}))) == 1
    passes()
    assert not network.cut


def test_only_what_is_safe_to_repeat_arrives_twice() -> None:
    network = Network(random.Random(1), twice=1.0)
    assert len(network.carry("front", "order-1", may_double=True)) == 2
    assert len(network.carry("front", "order-1")) == 1


def test_customers_lose_nothing() -> None:
    network = Network(random.Random(1), lost=1.0)
    assert len(network.carry("customers", "front")) == 1
    assert network.carry("front", "order-1") == []


def test_what_strikes_the_network_ends_by_itself() -> None:
    network = Network(random.Random(1))
    ends: list[Callable[[], object]] = []
    simulator: Any = SimpleNamespace(
        network=network, now_ns=0, note=str, after=lambda delay_ns, end: ends.append(end)
    )
    faults = Faults(simulator, ["front", "catalog-1", "order-1"], Plan("1"))
    for number, kind in enumerate(("cut", "lose", "cut", "double", "delay")):
        faults.strike(Strike(0, kind, str(number)))
    assert len(network.cut) + len(network.barred) == 2
    ends[0]()
    assert len(network.cut) + len(network.barred) == 1
    assert network.lost
    ends[1]()
    assert not network.lost
    assert network.twice
    ends[3]()
    assert not network.twice
    assert network.delayed
    ends[4]()
    assert not network.delayed
    assert len(network.cut) + len(network.barred) == 1


def test_what_a_plan_has_in_store_for_disks_counts_also_once_it_has_struck() -> None:
    simulator: Any = SimpleNamespace(now_ns=0, turns=0, note=str)
    faults = Faults(simulator, ["front"], Plan("1", strikes=(Strike(3, "full", "seed"),)))
    faults.begin()
    assert (simulator.pause_at, faults.may_strike_disks) == (3, True)
    simulator.turns = 3
    simulator.on_turns()
    assert dict(faults.struck) == {"full": 1}
    assert faults.may_strike_disks, "or the model, which knows no disks, would judge the run"
