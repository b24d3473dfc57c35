"""What the process of a simulated server does."""

import resource
import sqlite3
from pathlib import Path
from uuid import UUID

from tests.simulation.actors import World


def serve(world: World, data: Path, number: int, is_primary: bool) -> None:
    from tests.simulation.server.machine import Server

    # A UUID is one for whoever asks PostgreSQL; what else SQLite gives is converted by Django, for rows of models.
    sqlite3.register_converter("char", lambda digits: UUID(digits.decode()))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # Each session has files of its own open.
    world.has_points = False  # It does one thing at a time.
    Server(world, data, number, is_primary).run()
