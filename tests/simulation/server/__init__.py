"""A PostgreSQL that is simulated: a primary and a standby, above SQLite, with the documented behaviour of those."""
