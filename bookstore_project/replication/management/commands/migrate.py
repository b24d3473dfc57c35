"""`manage.py migrate`, as the engine does it."""

from functools import partial

from bookstore_project.replication.engine import engine
from bookstore_project.replication.invalidation import pushes

Command = partial(engine.migrate_command, pushes)
