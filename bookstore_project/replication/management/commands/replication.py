"""`manage.py replication`: what an operator can see, set going and decide, which the engine knows."""

from functools import partial

from bookstore_project.replication.engine import engine
from bookstore_project.replication.invalidation import pushes

Command = partial(engine.replication_command, pushes)
