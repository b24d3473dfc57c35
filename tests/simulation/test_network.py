"""The simulated network carries what it is told to carry, in the direction in which it is told."""

import random

from tests.simulation.network import Network


def test_what_is_cut_is_cut_in_one_direction() -> None:
    network = Network(random.Random(1))
    network.cut.add(("front", "catalog-1"))
    assert network.carry("front", "catalog-1") == []
    assert len(network.carry("catalog-1", "front")) == 1
    network.heal()
    assert len(network.carry("front", "catalog-1")) == 1


def test_only_what_is_safe_to_repeat_arrives_twice() -> None:
    network = Network(random.Random(1), twice=1.0)
    assert len(network.carry("front", "order-1", may_double=True)) == 2
    assert len(network.carry("front", "order-1")) == 1


def test_customers_lose_nothing() -> None:
    network = Network(random.Random(1), lost=1.0)
    assert len(network.carry("customers", "front")) == 1
    assert network.carry("front", "order-1") == []
