"""Settings of the test run: everything in a folder of its own, cheap password hashes."""

import os
import tempfile

# Before `base` reads it. One folder for the whole run; real-process tests make their own.
os.environ.setdefault("BOOKSTORE_DATA", tempfile.mkdtemp(prefix="bookstore-test-"))

from bookstore_project.settings import topology
from bookstore_project.settings.base import *  # noqa: F403
from bookstore_project.settings.base import INSTALLED_APPS

# Beside the catalog's books: models with all that the shop's own don't have.
INSTALLED_APPS = [*INSTALLED_APPS, "bookstore_project.replication.tests.shelf"]
topology.APPS_OF_SERVICE[topology.CATALOG] += ("shelf",)

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
