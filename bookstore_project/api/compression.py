"""Pages and drawn covers are compressed on their way; data isn't, so that a hit of the cache stays a copy of bytes.

What a page repeats of its address stands beside its secrets, and how well both compress together could be told by the
length (BREACH, https://www.breachattack.com/). Two things are against it: Django hides each page's length behind up
to a hundred random bytes (Heal the Breach), and its CSRF token is another text on each page. (docs/adr/0036)
"""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

COMPRESSED = ("text/html", "image/svg+xml")


class CompressionMiddleware(GZipMiddleware):
    """gzip for those types, and for clients that take it; `Vary: Accept-Encoding` for all clients.

    Stands outside of what makes entity tags: they are of what is compressed, and weak then.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.streaming or not response.headers.get("Content-Type", "").startswith(COMPRESSED):
            return response
        if not takes_gzip(request.headers.get("Accept-Encoding", "")):
            patch_vary_headers(response, ("Accept-Encoding",))
            return response
        return super().process_response(request, response)


def takes_gzip(accepted: str) -> bool:
    """By an Accept-Encoding (RFC 9110, 12.5.3)."""
    for part in accepted.lower().split(","):
        coding, _, weight = part.replace(" ", "").partition(";q=")
        if coding == "gzip":
            return not weight or weight.strip("0.") != ""
    return False
