"""For what needs a stopped store: that it is, and stays so."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bookstore_project.cluster import lock, preparation
from bookstore_project.replication.engine import engine
from bookstore_project.replication.interface import MAINTENANCE
from bookstore_project.replication.service import get_service
from bookstore_project.settings import topology


class StoreRuns(Exception):
    """The store has to be stopped; the message says who runs."""


@contextmanager
def stopped_store() -> Iterator[None]:
    """As long as it is held, no supervisor starts and no replica's maintenance works. Raises StoreRuns."""
    preparation.make_folders()
    with ExitStack() as stack:
        try:
            for folder in (topology.DATA, topology.RUN_DIR):
                stack.enter_context(lock.exclusive(folder))
        except lock.HeldElsewhere as held:
            raise StoreRuns(f"The store is running (supervisor: process {held.holder}). Stop it first.") from None
        for name in topology.SERVICES:
            if not stack.enter_context(engine.try_role(get_service(name), MAINTENANCE)):
                raise StoreRuns(f"A node of {name}, or a repair of it, is running. Stop it first.")
        yield
