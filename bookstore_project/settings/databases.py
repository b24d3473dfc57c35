"""Where services keep their rows: two SQLite files each, or a database each on a PostgreSQL primary with a standby.

This is the one place that knows both: what it says, `replication.engine` chooses by.
"""

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from bookstore_project.settings import topology

ON_POSTGRESQL = bool(topology.DATABASE_URL)
ENGINE = "postgresql" if ON_POSTGRESQL else "sqlite_pair"
"""Of `bookstore_project.replication`: the name of its room."""
MARKS = (
    "bookstore_project.replication.postgresql.shared.RowMarks"
    if ON_POSTGRESQL
    else "bookstore_project.nodes.marks.FileMarks"
)
"""Where marks are that all nodes see: several hosts share the server alone."""
LOGIN_ATTEMPTS = (
    "bookstore_project.replication.postgresql.shared.RowTable"
    if ON_POSTGRESQL
    else "bookstore_project.api.login_attempts.Table"
)
"""Where failed logins are counted."""
MIGRATION_MODULES = {"replication": f"bookstore_project.replication.{ENGINE}.migrations"} if ON_POSTGRESQL else {}
"""Each engine has tables of its own beside the rows."""


def replica(service: str, file: Path, lease_s: float) -> dict[str, Any]:
    """The entry of DATABASES for one replica of a service. `file`: that of two."""
    backend = f"bookstore_project.replication.{ENGINE}.backend"
    if ON_POSTGRESQL:
        # Above the time that a writer may wait for the leases of fronts: then it was stopped, or cut off.
        idle_ms = round(lease_s * 2000) + 5000
        guard = f"-c default_transaction_read_only=on -c idle_in_transaction_session_timeout={idle_ms}"
        return {"ENGINE": backend, "NAME": service, "CONN_MAX_AGE": None, **_server(guard)}
    return {"ENGINE": backend, "NAME": str(file), "CONN_MAX_AGE": None, "OPTIONS": {"timeout": 1.0}}


def accounts(file: Path) -> dict[str, Any]:
    """The entry of DATABASES for the staff accounts. `file`: where they are without a server."""
    if ON_POSTGRESQL:
        return {"ENGINE": "django.db.backends.postgresql", "NAME": "accounts", **_server("")}
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(file),
        "OPTIONS": {
            "timeout": 5,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


def _server(guard: str) -> dict[str, Any]:
    """Who is asked, and how it is noticed that it is gone. Raises ImproperlyConfigured."""
    parts = parts_of_url(topology.DATABASE_URL)
    options = {
        "target_session_attrs": "primary",
        "connect_timeout": 2,
        "tcp_user_timeout": 3000,
        "keepalives_idle": 2,
        "keepalives_interval": 1,
        "keepalives_count": 2,
        "options": f"-c synchronous_commit=on {guard}".strip(),
    }
    return {
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "USER": parts.pop("user", ""),
        "OPTIONS": {**options, **parts},
    }


def parts_of_url(url: str, name: str = "BOOKSTORE_DATABASE_URL") -> dict[str, Any]:
    """What psycopg makes of it. Raises ImproperlyConfigured, with the name by which people gave it."""
    try:
        from psycopg import Error
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise ImproperlyConfigured(f"{name} needs psycopg: pip install -r requirements-postgresql.txt") from error
    try:
        parts = conninfo_to_dict(url)
    except Error:
        parts = {}
    if not url.startswith("postgresql://") or "host" not in parts:
        raise ImproperlyConfigured(f"{name}: expected postgresql://USER@HOST,HOST/ .")
    if "password" in parts:
        raise ImproperlyConfigured(
            f"{name} holds a password, which others may read: name a file of yours in it, "
            "?passfile=PATH, or have the server ask for none."
        )
    if "dbname" in parts:
        raise ImproperlyConfigured(f"{name} names a database; each service has one of its own name.")
    return dict(parts)
