"""As a new project has them, without what is not used."""

import secrets

from benchmarks.usual_way import nodes

SECRET_KEY = secrets.token_hex()  # Django wants one. Nothing is signed, so it is forgotten with the process.
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["benchmarks.usual_way", "rest_framework"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = {
    "front": "benchmarks.usual_way.front",
    "catalog": "benchmarks.usual_way.catalog",
    "order": "benchmarks.usual_way.orders",
}[nodes.SERVICE]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
TIME_ZONE = "UTC"
REST_FRAMEWORK: dict[str, object] = {"DEFAULT_AUTHENTICATION_CLASSES": [], "UNAUTHENTICATED_USER": None}

DATABASES: dict[str, dict[str, object]] = {"default": {}}
DATABASE_ROUTERS = ["benchmarks.usual_way.copies.Router"]
if nodes.SERVICE != "front":
    DATABASES |= {
        f"{nodes.SERVICE}-{number}": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": nodes.DATA / f"{nodes.SERVICE}-{number}.sqlite3",
        }
        for number in (1, 2)
    }

_cache = "locmem.LocMemCache" if nodes.KEEPS_ANSWERS else "dummy.DummyCache"
CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{_cache}", "TIMEOUT": None}}
