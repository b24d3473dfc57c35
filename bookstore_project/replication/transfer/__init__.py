"""Rows on their way from one kind of database to another: by value, as the models know them.

For a store that moves to a server, and for backups, which are files whatever keeps the rows.
"""
