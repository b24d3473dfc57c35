"""The usual way: the same bookstore as one writes it at first, to measure against and to see what it loses.

The same processes (fronts with a cache and round robin, two catalogs, two orders, each with an SQLite file of its
own) with Django, Django REST framework and requests. After each save, `post_save` saves the same row to the other
database; then the catalog tells the fronts to delete and set their entry. No log, no lock, no lease, no idempotency
key. So two customers may buy the last copy, a process that dies between two saves leaves the copies different, and
a late message leaves an old book in a cache.

A save is durable as SQLite is by default (rollback journal, `synchronous=FULL`): each file alone, one after the
other. A crash between the two leaves a row in one file only.

`python -m benchmarks.usual_way --data FOLDER` runs it, on free ports of 127.0.0.1 alone, until it is stopped or
whoever started it has ended. It keeps no secret, and asks nobody who they are.
"""
