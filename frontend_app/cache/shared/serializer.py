"""How django-redis writes values that are bytes already."""

from typing import Any


class RawSerializer:
    """Bytes as they are: nothing that comes back from the server is ever unpickled."""

    def __init__(self, options: dict[str, Any]) -> None:
        pass

    def dumps(self, value: Any) -> bytes:
        if not isinstance(value, bytes):
            raise TypeError(f"Only bytes are kept in the shared cache, not {type(value).__name__}.")
        return value

    def loads(self, value: bytes) -> bytes:
        return value
