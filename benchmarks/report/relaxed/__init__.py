"""This store with SQLite's `synchronous=NORMAL`, to see what FULL costs: no setting of the store.

A power cut could take acknowledged writes back (https://sqlite.org/pragma.html#pragma_synchronous). `settings` is for
DJANGO_SETTINGS_MODULE; the folder itself is a database backend.
"""
