"""The shop's settings for stores of tests, with passwords that are checked in a hundredth of the time.

Each node of a store checks one when staff come for the first time, and again after each start: 0.4 s of a core.
"""

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from bookstore_project.settings.base import *  # noqa: F403  (a settings module extends another)


class QuickHasher(PBKDF2PasswordHasher):
    iterations = PBKDF2PasswordHasher.iterations // 100


PASSWORD_HASHERS = ["tests.store_settings.QuickHasher"]
