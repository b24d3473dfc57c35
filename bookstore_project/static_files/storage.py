"""Where pages find static files: `pico.min.css` as `pico.min.3f0c1a2b4d5e.css`, once `collecting` has made that."""

from typing import Any

import brotli
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from whitenoise.compress import Compressor
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage

YEAR_S = 365 * 24 * 3600
BROTLI_QUALITY = 9
"""The best one, 11, takes twenty times as long for a tenth less."""
BROTLI_WINDOW_BITS = 16
"""64 KiB back. A larger window is of use to a few of these files, for 4 % less, and takes 30 MB for each at once."""


NOT_COMPRESSED = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")
"""Beside pictures and fonts: what only the tools of developers ask for."""


class QuickCompressor(Compressor):  # type: ignore[misc]  # WhiteNoise has no types.
    """gzip and Brotli."""

    @staticmethod
    def compress_brotli(data: bytes) -> bytes:
        compressed: bytes = brotli.compress(data, quality=BROTLI_QUALITY, lgwin=BROTLI_WINDOW_BITS)
        return compressed


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # WhiteNoise has no types.
    """Names with a hash of the content. A file that wasn't collected has its plain name, which is served as well."""

    manifest_strict = False

    def stored_name(self, name: str) -> str:
        """Never an error: a page without its style is better than none."""
        known: str | None = self.hashed_files.get(self.hash_key(self.clean_name(name)))
        return known or name

    def load_manifest(self) -> tuple[dict[str, str], str]:
        """Empty if nothing was collected, or if what lies there can't be read."""
        try:
            found: tuple[dict[str, str], str] = super().load_manifest()
        except (OSError, ValueError, ImproperlyConfigured):
            return {}, ""
        return found

    def create_compressor(self, **options: Any) -> Compressor:
        return QuickCompressor(**{**options, "extensions": NOT_COMPRESSED})


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # WhiteNoise has no types.
    """Serves them. What has a hash in its name may be kept for a year; other names for a minute."""

    FOREVER = YEAR_S
    _knows_plain_names = False

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Pages ask for them only if nothing was collected: no start has to look for them.
        path = request.path_info
        if not self._knows_plain_names and path.startswith(self.static_prefix) and path not in self.files:
            self.add_files_from_finders()
            self._knows_plain_names = True
        response: HttpResponse = super().__call__(request)
        return response
