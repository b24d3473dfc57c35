"""Django's SQLite backend, guarded: a replica's file is never made by opening it, nor written by accident."""
