"""Signer on what lies in a cache that others can reach: a value counts only under its key, whole, and ours."""

import hashlib
import hmac

from django.utils.encoding import force_bytes

SIZE_BYTES = 16


class Signer:
    """Signer with a secret of the store. What another store wrote, or nobody, is as if it weren't there.

    An answer under another book's key would be a wrong answer that no floor finds: a connection that is one reply
    behind, a renamed key, a value cut short, a flipped bit. So the seal is over key and value (BLAKE2b, RFC 7693, in
    its keyed mode). A value from an old backup has a good seal: telling that it is old is the floors' task.
    """

    def __init__(self, secret: str) -> None:
        self._secret = hashlib.sha256(b"bookstore cache:" + force_bytes(secret)).digest()

    def sign(self, key: str, value: bytes) -> bytes:
        return self._digest(key, value) + value

    def unsign(self, key: str, sealed: object) -> bytes | None:
        """The value; None for whatever this store didn't seal for this key."""
        if not isinstance(sealed, bytes):
            return None
        value = sealed[SIZE_BYTES:]
        return value if hmac.compare_digest(sealed[:SIZE_BYTES], self._digest(key, value)) else None

    def _digest(self, key: str, value: bytes) -> bytes:
        name = key.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(
            b"%d:%b%b" % (len(name), name, value), digest_size=SIZE_BYTES, key=self._secret
        ).digest()
