"""Settings of every node. What differs between nodes comes from `topology`, what between shops from BOOKSTORE_*."""

from pathlib import Path
from typing import Any

from bookstore_project.settings import caching, databases, environment, modes, secret_files, topology

BASE_DIR = topology.ROOT
NODE_NAME = topology.NODE.name if topology.NODE else "manage"

DEBUG = False
HUNG_AFTER_S = environment.number("HUNG_AFTER_S", 30)
"""How long a node may give no answer before the supervisor restarts it, in seconds; 0 is for ever."""
SECRET_KEY_FILE = topology.SECRET_KEY_FILE
SERVICE_TOKEN_FILE = topology.SERVICE_TOKEN_FILE
SECRET_KEY = secret_files.setting(secret_files.SECRET_KEY)
SERVICE_TOKEN = secret_files.setting(secret_files.SERVICE_TOKEN)
STAFF_PASSWORD_FILE = topology.STAFF_PASSWORD_FILE

# The nodes call one another by their own addresses, whatever name the shop has to the world.
ALLOWED_HOSTS = [
    *environment.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]"),
    *topology.names_of_hosts(),
]

INSTALLED_APPS = [
    "bookstore_project.replication",
    "bookstore_project.api",
    "bookstore_project.cluster",
    "bookstore_project.archive",
    "catalog_app",
    "order_app",
    "frontend_app",
    "bookstore_project.api.admin_config.StoreAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "bookstore_project.nodes.middleware.RequestMiddleware",
    "bookstore_project.api.compression.CompressionMiddleware",
    "frontend_app.middleware.AnswerMiddleware",
    "bookstore_project.api.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "bookstore_project.static_files.storage.StaticFilesMiddleware",
    "bookstore_project.api.privacy.PrivacyMiddleware",
    "frontend_app.middleware.DeadlineMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "bookstore_project.api.same_origin.SameOriginMiddleware",
]

ROOT_URLCONF = "bookstore_project.urls"
APPEND_SLASH = False  # Both forms answer by themselves: see api.routes.
WSGI_APPLICATION = "bookstore_project.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# ------------------------------------------------------------------------------------------- databases

_LEASE_S = environment.number("LEASE_S", 1.5, least=0.1, most=60)
DATABASES = {
    topology.ACCOUNTS: databases.accounts(topology.database_file(topology.ACCOUNTS)),
} | {
    alias: databases.replica(service, topology.database_file(alias), _LEASE_S)
    for service in topology.SERVICES
    for alias in topology.database_aliases(service)
}
DATABASE_ROUTERS = ["bookstore_project.replication.router.ReplicationRouter"]
MIGRATION_MODULES: dict[str, str] = databases.MIGRATION_MODULES
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ----------------------------------------------------------------------------------------- replication

REPLICATION: dict[str, Any] = {
    # What keeps their rows.
    "ENGINE": databases.ENGINE,
    # The apps whose models each service replicates, by their labels.
    "SERVICES": {
        topology.CATALOG: {"APPS": ["catalog_app"], "REPLICAS": topology.urls(topology.CATALOG)},
        topology.ORDER: {"APPS": ["order_app"], "REPLICAS": topology.urls(topology.ORDER)},
    },
    # Those whose rows are with the staff accounts, in one database that nobody replicates.
    "UNREPLICATED_APPS": ["admin", "auth", "authtoken", "contenttypes", "frontend_app", "sessions"],
    # What fronts keep of the answers that show rows of the catalog.
    "CACHED_RESOURCES": [
        "bookstore_project.api.cached_resources.BOOK",
        "bookstore_project.api.cached_resources.TOPIC",
        "bookstore_project.api.cached_resources.TOPICS",
    ],
    # What words are looked for in.
    "TEXT_INDEXES": ["catalog_app.text_indexes.WORDS", "catalog_app.text_indexes.PARTS"],
    # How many rows there are, so that lists don't count them.
    "ROW_COUNTS": ["catalog_app.row_counts.BOOKS", "catalog_app.row_counts.BOOKS_BY_TOPIC"],
    "FRONTS": {node.name: node.address for node in topology.replicas(topology.FRONT)},
    "NODE": topology.NODE.name if topology.NODE else "",
    "DATA_DIR": topology.DATA,
    # Anything but "full" is an experiment: reads may be stale.
    "COHERENCE": environment.one_of("COHERENCE", modes.COHERENCE),
    # How long a front may use its cache after it has polled a catalog replica. So long the first write waits for a
    # front that is gone; those that wait behind it give up after 8 s.
    "LEASE_S": _LEASE_S,
    # How long a call to a replica may wait for such a write before the replica counts as hung.
    "WRITE_WAIT_S": max(2.0, _LEASE_S + 0.5),
    # Entries that a replica's log keeps: how far back a front or a file may be and still catch up by it.
    "LOG_KEEP": int(environment.number("LOG_KEEP", 10_000, least=1)),
    # Seconds between two scrubs, in which a service's files are read whole; 0 is never.
    "SCRUB_EVERY_S": environment.number("SCRUB_EVERY_S", 3600),
}

# ---------------------------------------------------------------------------------------------- cache

CACHE_SIZE = int(environment.number("CACHE_SIZE", 10_000, least=1))
"""Entries of the front's cache."""
CACHE_MB = environment.number("CACHE_MB", max(64, CACHE_SIZE / 1000), least=1)
"""MiB that these may take, if they are in the front's own memory: some of a catalog's lists are long."""
CACHE_TIMEOUT_S = environment.number("CACHE_TIMEOUT_S", 60)
CACHE_URL = environment.text("CACHE_URL") or environment.text_of_file("CACHE_URL_FILE")
"""A Redis that fronts share; without it each has a cache in its own memory."""
CACHE_WAIT_S = environment.number("CACHE_WAIT_S", 0.2, least=0.001)
"""How long a read waits for a shared cache, in seconds."""

CACHES = {
    "default": caching.redis(CACHE_URL, CACHE_TIMEOUT_S, CACHE_WAIT_S)
    if CACHE_URL
    else caching.in_process(CACHE_SIZE, CACHE_MB, CACHE_TIMEOUT_S)
}

# ---------------------------------------------------------------------------------------- breaking it

BREAKABLE = environment.one_of("BREAKABLE", ("0", "1", "loopback"))
IS_BREAKABLE = BREAKABLE == "1" or (BREAKABLE == "loopback" and topology.is_on_loopback())
"""Whether staff may stop, kill and damage what the cluster page shows, from that page."""

# ------------------------------------------------------------------------------------------- the shop

SHOP_NAME = environment.text("SHOP_NAME", "Bookstore")
"""What the shop's pages call it."""
CURRENCY = environment.text("CURRENCY", "EUR")
"""What stands behind a price on the shop's pages."""
ADMINS = {"catalog": environment.text("CATALOG_ADMIN"), "order": environment.text("ORDER_ADMIN")}
"""Where browsers of staff reach the admins, if that isn't at the replicas' own addresses."""
RESTOCK_EVERY_S = environment.number("RESTOCK_EVERY_S", 0)
"""Seconds between two periodic restocks; 0 switches them off."""
RESTOCK_LEVEL = int(environment.number("RESTOCK_LEVEL", 20))
"""The stock to which a periodic restock fills up."""

# ------------------------------------------------------------------------------------ people and pages

AUTHENTICATION_BACKENDS = ["bookstore_project.api.passwords.PasswordBackend"]
PROXIES = environment.networks("PROXIES")
"""Whose X-Forwarded-For is believed, where failed logins are counted by address: nobody's by default."""
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# Browsers share cookies between the ports of a host: one name per node, or a login here is a logout there.
SESSION_COOKIE_NAME = f"sessionid-{NODE_NAME}"
CSRF_COOKIE_NAME = f"csrftoken-{NODE_NAME}"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True  # No script needs them: forms and pages hold the token.
# In a cookie alone: the pages of the shop don't depend on the accounts, where sessions are.
MESSAGE_STORAGE = "bookstore_project.api.message_cookies.NodeCookieStorage"
CSRF_FAILURE_VIEW = "bookstore_project.api.errors.csrf_failure"
LOGIN_URL = "rest_framework:login"
LOGIN_REDIRECT_URL = "/"

LANGUAGE_CODE = "en-us"
USE_I18N = False
TIME_ZONE = environment.time_zone("TIME_ZONE", "UTC")
"""Of pages, and of *today*. What is stored, logged and told to programs is in UTC."""
USE_TZ = True
FORMAT_MODULE_PATH = "bookstore_project.api.formats"

STATIC_URL = "/static/"
STATIC_ROOT: Path | None = topology.STATIC_DIR / "files"
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "bookstore_project.static_files.storage.HashedFiles"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
"""The largest request body, in bytes: 413 beyond it."""
UPLOAD_MAX_BYTES = 2 * 1024 * 1024
"""The same with files in it, which only staff sends, to the admin."""
FILE_UPLOAD_HANDLERS = [
    "bookstore_project.api.uploads.BoundedUpload",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "bookstore_project.api.authentication.ServiceAuthentication",
        "bookstore_project.api.authentication.BasicAuthentication",
        "bookstore_project.api.authentication.TokenAuthentication",
        "bookstore_project.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["bookstore_project.api.permissions.ByPermission"],
    "DEFAULT_RENDERER_CLASSES": [
        "bookstore_project.api.renderers.JSONRenderer",
        "bookstore_project.api.renderers.BrowsableAPIRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": [
        "bookstore_project.api.parsers.StrictJSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "bookstore_project.api.negotiation.StrictContentNegotiation",
    "DEFAULT_SCHEMA_CLASS": "bookstore_project.api.schema.ProblemAwareSchema",
    "EXCEPTION_HANDLER": "bookstore_project.api.errors.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "COERCE_DECIMAL_TO_STRING": True,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Bookstore",
    "VERSION": "1.0.0",
    "DESCRIPTION": "A replicated, cached bookstore that goes on selling while its parts are being killed.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["bookstore_project.api.schema.one_spelling"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "bookstore_project.api.schema.add_problem",
    ],
    "SCHEMA_PATH_PREFIX": "/api/v1",
}

# ------------------------------------------------------------------------------------------------ logs

LOG_FORMAT = environment.one_of("LOG_FORMAT", ("text", "json"))
LOGGING_CONFIG = "bookstore_project.nodes.logs.configure"
LOGGING = {"version": 1}  # Not empty, or Django wouldn't call the function above.
