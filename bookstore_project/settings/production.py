"""Settings for a shop behind a TLS-terminating proxy: DJANGO_SETTINGS_MODULE=bookstore_project.settings.production.

The proxy speaks HTTPS to the world, sets X-Forwarded-Proto (and drops what a client sent of it), and the nodes
stay on addresses that only the proxy and each other reach.
"""

from django.core.exceptions import ImproperlyConfigured

from bookstore_project.settings import modes
from bookstore_project.settings.base import *  # noqa: F403  (a settings module extends another)
from bookstore_project.settings.base import BREAKABLE, REPLICATION

if REPLICATION["COHERENCE"] != modes.FULL:
    raise ImproperlyConfigured(
        f"BOOKSTORE_COHERENCE={REPLICATION['COHERENCE']!r} is for experiments: customers would see old prices. "
        f"Leave it out, or set it to {modes.FULL!r}."
    )

if BREAKABLE == "1":
    raise ImproperlyConfigured(
        "BOOKSTORE_BREAKABLE='1' lets staff stop nodes and damage files from a page: not where customers are. "
        "Leave it out."
    )
IS_BREAKABLE = False

SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_SSL_REDIRECT = True
# What nodes call is none of what a proxy in front speaks, and health checks come from the machine itself.
SECURE_REDIRECT_EXEMPT = [r"^internal/", r"^healthz/?$", r"^readyz/?$", r"^metrics/?$"]
