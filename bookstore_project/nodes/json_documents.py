"""Reads the JSON objects that replicas answer with."""

import json
from typing import Any


def json_object(body: bytes) -> dict[str, Any]:
    """The object of a JSON text; an empty one for anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
