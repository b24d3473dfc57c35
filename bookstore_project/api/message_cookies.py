"""What a page says once, after something was done: kept by the browser, apart for each node."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage


class NodeCookieStorage(CookieStorage):
    """Browsers share cookies between the ports of a host: one node's notices would show on another's pages."""

    cookie_name = f"messages-{settings.NODE_NAME}"
