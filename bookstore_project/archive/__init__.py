"""The store as a whole: whether ledger and orders agree, backups of one moment, and restoring them.

It alone knows both services; they know nothing of it.
"""
