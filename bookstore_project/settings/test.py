"""Settings of the test run: everything in a folder of its own, cheap password hashes."""

import os

from tests import run_folder

os.environ["BOOKSTORE_DATA"] = run_folder.data_of_tests()  # Before `base` reads it.

from bookstore_project.settings import secret_files, topology
from bookstore_project.settings.base import *  # noqa: F403  (a settings module extends another)
from bookstore_project.settings.base import DATABASES, INSTALLED_APPS, REPLICATION, replica_database

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
        DATABASES[_alias] = replica_database(topology.DATA / _alias / f"{_name}.sqlite3")
REPLICATION["CACHED_RESOURCES"] += [
    f"bookstore_project.replication.tests.shelf.resources.{name}" for name in ("ARTICLE", "KIND")
]

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

STATIC_ROOT = None  # Nothing is collected: names are those of the packages.
