"""Settings of stores whose nodes call one another through the network of `tests.stress`, which can be cut."""

from tests.store_settings import *  # noqa: F403  (a settings module extends another)
from tests.stress.wiring import sitecustomize  # noqa: F401  (importing it is what leads calls there)
