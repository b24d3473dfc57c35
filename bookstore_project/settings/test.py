"""Settings of the test run: everything in a folder of its own, cheap password hashes."""

import os

from tests import run_folder

os.environ["BOOKSTORE_DATA"] = run_folder.data_of_tests()  # Before `base` reads it.

from bookstore_project.settings import secret_files, topology
from bookstore_project.settings.base import *  # noqa: F403
from bookstore_project.settings.base import INSTALLED_APPS, REPLICATION

secret_files.ensure(lambda: False)
SECRET_KEY = secret_files.read(secret_files.SECRET_KEY)
SERVICE_TOKEN = secret_files.read(secret_files.SERVICE_TOKEN)

# Beside the catalog's books: models with all that the shop's own don't have.
INSTALLED_APPS = [*INSTALLED_APPS, "bookstore_project.replication.tests.shelf"]
REPLICATION["SERVICES"][topology.CATALOG]["APPS"].append("shelf")

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

STATIC_ROOT = None  # Nothing is collected: names are those of the packages.
