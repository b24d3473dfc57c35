"""The secrets of all hosts of a store: each host has files of its own, and they have to be the same.

Beside the fingerprints in a data folder (`secret_files`) there are those that the engine keeps for all hosts.
"""

from bookstore_project.replication.engine import engine
from bookstore_project.replication.errors import Unavailable
from bookstore_project.settings import secret_files
from bookstore_project.settings.secret_files import SECRETS, Secret, Unusable


def agree() -> None:
    """Puts on record which secrets this store has, unless it is. Raises Unusable if this host has another one."""
    for secret in SECRETS:
        if found := _problem(secret):
            raise Unusable(found)


def accept(secret: Secret) -> None:
    """From now on, what is here is the store's, whatever other hosts have. Raises Unusable, OSError, Unavailable."""
    secret_files.accept(secret)
    engine.on_record(secret.name, secret_files.fingerprint(secret), is_new=True)


def problems() -> list[str]:
    """What is wrong with this host's secrets, in sentences."""
    found = secret_files.problems()
    try:
        return found or [problem for secret in SECRETS if (problem := _problem(secret))]
    except Unavailable as error:
        return [error.detail]


def _problem(secret: Secret) -> str:
    mine = secret_files.fingerprint(secret)
    if engine.on_record(secret.name, mine) == mine:
        return ""
    return (
        f"{secret.path} holds another secret than this store has on its server, and its other hosts have. Bring "
        f"theirs here. If this one is the right one: stop all hosts, and `manage.py secrets accept {secret.name}`."
    )
