"""What has happened when a write has come to one of the protocol's named points."""

POINTS = {
    "begun": "locks, opens both files",
    "made": "writes rows and log entry to the first",
    "shrunk": "writes them to the second, as values",
    "committed": "both files are committed",
    "leases-read": "who may answer from a cache?",
    "invalidated": "no front uses the old answer",
    "floor": "raises the floor: visible",
}
"""Those of a write that are drawn."""
