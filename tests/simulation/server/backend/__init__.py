"""A backend of Django's for `DATABASES`: that of the store on PostgreSQL, above a simulated server."""
