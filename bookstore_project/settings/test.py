"""Settings of the test run: everything in a folder of its own, cheap password hashes."""

import os

from tests import on_postgresql, run_folder

os.environ["BOOKSTORE_DATA"] = run_folder.data_of_tests()  # Before `base` reads it.
os.environ["BOOKSTORE_DATABASE_URL"] = on_postgresql.url(os.environ["BOOKSTORE_DATA"])

from bookstore_project.settings import databases, secret_files, topology
from bookstore_project.settings.base import *  # noqa: F403  (a settings module extends another)
from bookstore_project.settings.base import DATABASES, INSTALLED_APPS, REPLICATION

secret_files.ensure(lambda: False)
SECRET_KEY = secret_files.read(secret_files.SECRET_KEY)
SERVICE_TOKEN = secret_files.read(secret_files.SERVICE_TOKEN)

# Beside the shop's services two for the tests of replication, which know nothing of the shop.
_OWN_SERVICES = {"shelf": ("shelf-1", "shelf-2"), "desk": ("desk-1", "desk-2")}
INSTALLED_APPS = [*INSTALLED_APPS, *(f"bookstore_project.replication.tests.{name}" for name in _OWN_SERVICES)]
for _name, _aliases in _OWN_SERVICES.items():
    REPLICATION["SERVICES"][_name] = {
        "APPS": [_name],
        "REPLICAS": {alias: f"http://127.0.0.{number}:1" for number, alias in enumerate(_aliases, start=1)},
    }
    for _alias in _aliases:
        DATABASES[_alias] = databases.replica(
            _name, topology.DATA / _alias / f"{_name}.sqlite3", REPLICATION["LEASE_S"]
        )
REPLICATION["CACHED_RESOURCES"] += [
    f"bookstore_project.replication.tests.shelf.resources.{name}" for name in ("ARTICLE", "KIND")
]

if databases.ON_POSTGRESQL:
    # A model of these tests has a generated column that isn't stored; there it is.
    SILENCED_SYSTEM_CHECKS = ["fields.E221"]

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

STATIC_ROOT = None  # Nothing is collected: names are those of the packages.
