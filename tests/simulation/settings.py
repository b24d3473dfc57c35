"""The shop's settings for simulated stores: logs have no thread of their own, logins are quick."""

from tests.store_settings import *  # noqa: F403  (a settings module extends another)

LOGGING_CONFIG = None  # type: ignore[assignment]  # As Django has it.

STATICFILES_FINDERS: list[str] = []  # No customer asks for such files, and to compress them takes half of a start.
