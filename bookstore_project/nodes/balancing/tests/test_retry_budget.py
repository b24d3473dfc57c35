"""What the retry budget allows."""

from bookstore_project.nodes.balancing.retry_budget import PER_S, RATIO, RESERVE, RetryBudget
from tests.clock import Clock


def spend_all(budget: RetryBudget) -> int:
    count = 0
    while budget.spend():
        count += 1
    return count


def test_the_reserve_can_be_spent_at_once() -> None:
    budget = RetryBudget(clock=Clock())
    assert spend_all(budget) == RESERVE
    assert (budget.spent, budget.refused) == (RESERVE, 1)


def test_in_the_long_run_a_fifth_of_the_requests_may_be_retried() -> None:
    budget = RetryBudget(clock=Clock())
    spend_all(budget)
    allowed = 0
    for _ in range(1000):
        budget.deposit()
        allowed += budget.spend()
    assert abs(allowed - 1000 * RATIO) <= 1


def test_a_quiet_shop_has_some_in_each_second() -> None:
    clock = Clock()
    budget = RetryBudget(clock=clock)
    spend_all(budget)
    clock.now += 1
    assert spend_all(budget) == PER_S


def test_no_more_than_the_reserve_is_saved() -> None:
    clock = Clock()
    budget = RetryBudget(clock=clock)
    clock.now += 1e6
    for _ in range(1000):
        budget.deposit()
    assert budget.tokens == RESERVE
