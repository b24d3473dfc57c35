"""The settings of the stores of tests, with another backend for what is replicated."""

from bookstore_project.settings import topology
from bookstore_project.settings.base import DATABASES
from tests.store_settings import *  # noqa: F403  (a settings module extends another)

for alias, entry in DATABASES.items():
    if alias != topology.ACCOUNTS:
        entry["ENGINE"] = "benchmarks.report.relaxed"
