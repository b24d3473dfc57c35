"""The shop's settings for stores on a simulated server: the store takes it for PostgreSQL.

What hosts share beside the services' rows (accounts, marks, failed logins) is in files, as it is without a server.
"""

from bookstore_project.settings import databases, topology
from tests.simulation.settings import *  # noqa: F403  (a settings module extends another)

databases.MARKS = "bookstore_project.nodes.marks.FileMarks"
databases.LOGIN_ATTEMPTS = "bookstore_project.api.login_attempts.Table"

DATABASES = {
    topology.ACCOUNTS: {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(topology.database_file(topology.ACCOUNTS)),
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
    },
} | {
    alias: {"ENGINE": "tests.simulation.server.backend", "NAME": service, "CONN_MAX_AGE": None}
    for service in topology.SERVICES
    for alias in topology.database_aliases(service)
}
