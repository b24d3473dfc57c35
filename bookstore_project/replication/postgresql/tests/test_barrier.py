"""One proof for all readers who came before it began."""

import threading
from functools import partial

import pytest

from bookstore_project.replication import failpoints
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.postgresql.barrier import Barrier
from tests.actors import Actor
from tests.waiting import wait_for


class Proofs:
    """Each waits until it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.go_on = threading.Semaphore(0)

    def __call__(self) -> str:
        self.begun += 1
        number = self.begun
        self.go_on.acquire()
        return f"proof {number}"


def test_who_comes_while_one_is_made_shares_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    barrier, proofs, come = Barrier(), Proofs(), list[int]()
    first = Actor(partial(barrier.wait, proofs))
    wait_for(lambda: proofs.begun == 1)
    monkeypatch.setitem(failpoints.hooks, "barrier", lambda: come.append(1))
    others = [Actor(partial(barrier.wait, proofs)) for _ in range(3)]
    wait_for(lambda: len(come) == 3)
    for _ in range(2):
        proofs.go_on.release()
    assert first.result() == "proof 1"
    assert {other.result() for other in others} == {"proof 2"}
    assert proofs.begun == 2


def test_a_proof_that_fails_is_none_for_all_and_the_next_is_made() -> None:
    barrier = Barrier()

    def fail() -> str:
        raise OSError("gone")

    with pytest.raises(Unavailable, match="gone"):
        barrier.wait(fail)
    assert barrier.wait(lambda: "well") == "well"
