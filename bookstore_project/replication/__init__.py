"""Two SQLite files, one truth: commit on both, invalidate the caches, then make it visible.

`transaction.run("catalog", change)` is the one way to write, `reads.reading("catalog")` the one way to read with
a promise. DESIGN.md beside this file says why each step is where it is.
"""
