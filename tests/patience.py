"""How long tests wait for what has to happen, at most."""

import os

VARIABLE = "TEST_PATIENCE_S"
PATIENCE_S = float(os.environ.get(VARIABLE, "180"))
"""The slowest machine gets there in time; where nothing is wrong, nobody waits for its end."""
