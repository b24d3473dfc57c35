"""ENGINE = "benchmarks.report.relaxed"."""

from bookstore_project.replication.sqlite_pair.backend import base

assert base.PRAGMAS[0] == "PRAGMA synchronous=FULL"
base.PRAGMAS = ("PRAGMA synchronous=NORMAL", *base.PRAGMAS[1:])
DatabaseWrapper = base.DatabaseWrapper
