"""What a supervisor begins before it loads anything itself: the fork server, which takes as long to load as it does.

Standard library only, as `forkserver` is to its importer: the project is loaded later, by its own settings.
"""

import gc
import os
from contextlib import suppress

from bookstore_project.cluster.forkserver import ForkServer
from bookstore_project.cluster.lifeline import Lifeline

UMASK = 0o077
"""What the supervisor and its nodes write is their owner's alone."""

_begun: list[tuple[Lifeline, ForkServer]] = []


def begin() -> None:
    """Whoever is forked later inherits the umask of now. Nothing is begun where there is no memory or process for it.

    The garbage collector rests until `end`: what is loaded is no garbage, and to look for some takes time.
    """
    os.umask(UMASK)
    gc.disable()
    with suppress(OSError):
        lifeline = Lifeline()
        _begun.append((lifeline, ForkServer(lifeline)))


def take() -> tuple[Lifeline, ForkServer]:
    """The one that was begun, for whom it was begun; otherwise a new one."""
    if _begun:
        return _begun.pop()
    lifeline = Lifeline()
    return lifeline, ForkServer(lifeline)


def end() -> None:
    """All is loaded."""
    gc.enable()


def close() -> None:
    """Ends what was begun and not taken."""
    while _begun:
        lifeline, fork_server = _begun.pop()
        fork_server.close()
        lifeline.close()
