"""Who this process is, and where the others are: from its environment, which `__main__` sets."""

import json
import os
from pathlib import Path

NODE = os.environ["USUAL_WAY_NODE"]
"""`front-1`, `catalog-2` ..."""
DATA = Path(os.environ["USUAL_WAY_DATA"])
ADDRESSES: dict[str, str] = json.loads(os.environ["USUAL_WAY_ADDRESSES"])
KEEPS_ANSWERS = os.environ["USUAL_WAY_CACHE"] == "on"
SERVICE = NODE.split("-")[0]


def urls(service: str) -> list[str]:
    """Of all processes of a service, `http://` and address."""
    return [f"http://{address}" for node, address in ADDRESSES.items() if node.startswith(service)]
