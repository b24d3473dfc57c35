"""Settings of a project that has replication, and none of the shop's apps.

`pytest --ds=bookstore_project.replication.tests.settings bookstore_project/replication` runs its tests there.
"""

from bookstore_project.settings.test import *  # noqa: F403  (a settings module extends another)
from bookstore_project.settings.test import DATABASES, INSTALLED_APPS, MIDDLEWARE, REPLICATION

SHOP = ("catalog_app", "order_app", "frontend_app", "bookstore_project.archive")

INSTALLED_APPS = [name for name in INSTALLED_APPS if name not in SHOP]
MIDDLEWARE = [name for name in MIDDLEWARE if not name.startswith(SHOP)]
DATABASES = {alias: DATABASES[alias] for alias in ("default", "shelf-1", "shelf-2", "desk-1", "desk-2")}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
ROOT_URLCONF = "bookstore_project.replication.tests.shelf.urls"
REPLICATION |= {
    "SERVICES": {name: REPLICATION["SERVICES"][name] for name in ("shelf", "desk")},
    "UNREPLICATED_APPS": [name for name in REPLICATION["UNREPLICATED_APPS"] if name not in SHOP],
    "CACHED_RESOURCES": [name for name in REPLICATION["CACHED_RESOURCES"] if ".shelf." in name],
    "TEXT_INDEXES": [],
}
