"""What to say when the accounts can't be read: staff, sessions and tokens, in a database of their own."""

import logging

from django.db import DatabaseError, connections

from bookstore_project.settings import topology

logger = logging.getLogger("bookstore.accounts")
DETAIL = "The accounts can't be read now: nobody can be recognised or logged in."


def are_at_fault(error: BaseException) -> bool:
    """Whether this is an error of the accounts' database, locked, damaged or gone, that this thread has just met.

    Says so in the log, and drops the connection: the next request opens what lies there then.
    """
    accounts = connections[topology.ACCOUNTS]
    # Django notes on a connection that it failed, other than for the values it was given.
    if not (isinstance(error, DatabaseError) and accounts.errors_occurred):
        return False
    logger.warning("The accounts can't be read: %s", error)
    accounts.close()
    accounts.errors_occurred = False  # Or a later error of another database would pass for one of this.
    return True
