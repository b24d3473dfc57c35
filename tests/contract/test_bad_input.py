"""Nonsense gets its own problem, from the front and from a replica alike, and changes nothing."""

from collections import Counter

import pytest

from tests import databases
from tests.answers import Answer
from tests.client import Shop, basic
from tests.contract import bad_bodies, bad_requests
from tests.contract.cases import STATUS, Case

NODE_OF = {"front": "front", "catalog": "catalog-1", "order": "order-2"}
CASES = [
    *bad_bodies.fields(),
    *bad_bodies.bodies(),
    *bad_bodies.types(),
    *bad_requests.methods(),
    *bad_requests.strangers(),
    *bad_requests.keys(),
    *bad_requests.of_the_front(),
    *bad_requests.addresses(),
    *bad_requests.queries(),
]
MEMBERS = ("type", "title", "status", "detail", "code", "request_id")


def ask(shop: Shop, case: Case, service: str) -> Answer:
    request = case.request
    if case.as_staff:
        credentials = ("Authorization", basic(*shop.store.staff))
        request = type(request)(
            request.method, request.path, [*request.headers, credentials], request.body, request.is_chunked
        )
    return shop.client(NODE_OF[service]).send(request)


def complaint(case: Case, answer: Answer) -> str:
    """What is wrong with the answer; empty if it is as it should be."""
    if answer.code != case.code:
        return f"expected {case.code}"
    problem = answer.json
    if missing := [name for name in MEMBERS if not problem.get(name)]:
        return f"lacks {missing}"
    if (answer.status, problem["status"]) != (STATUS[case.code],) * 2:
        return f"status {answer.status}, says {problem['status']}, expected {STATUS[case.code]}"
    if problem["request_id"] != answer.headers.get("x-request-id"):
        return "another request's id"
    if case.member and case.member not in problem.get("errors", {}):
        return f"errors don't name {case.member!r}"
    if case.code == "method_not_allowed" and not answer.headers.get("allow"):
        return "no Allow"
    return next((f"no {name}" for name in case.has if name not in answer.headers), "")


def test_no_two_cases_have_one_name() -> None:
    twice = [name for name, count in Counter(case.name for case in CASES).items() if count > 1]
    assert twice == []


@pytest.mark.parametrize("service", ["front", "catalog", "order"])
def test_nonsense_gets_its_own_problem_and_changes_nothing(shop: Shop, service: str) -> None:
    before = databases.goods(shop.store)
    wrong = []
    for case in CASES:
        if service in case.services:
            answer = ask(shop, case, service)
            if said := complaint(case, answer):
                wrong.append(f"{case.name}: {said}\n    {answer}")
    assert not wrong, f"{len(wrong)} wrong:\n" + "\n".join(wrong)
    assert databases.goods(shop.store) == before
