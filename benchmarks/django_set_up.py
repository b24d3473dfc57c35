"""Imported first by a benchmark's child process: Django, for the store in BOOKSTORE_DATA."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bookstore_project.settings.base")
django.setup()
