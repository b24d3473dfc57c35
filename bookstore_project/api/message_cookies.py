"""What a page says once, after something was done: kept by the browser, apart for each node."""

from typing import Any

from django.conf import settings
from django.contrib.messages.storage.base import Message
from django.contrib.messages.storage.cookie import CookieStorage


class NodeCookieStorage(CookieStorage):
    """Browsers share cookies between the ports of a host: one node's notices would show on another's pages.

    A cookie that holds something else than notices is dropped, whatever it holds. What is said already isn't said
    again: of a double click, both requests say it, and one page shows what they said.
    """

    cookie_name = f"messages-{settings.NODE_NAME}"

    def add(self, level: int, message: str, extra_tags: str | None = "") -> None:
        if Message(level, str(message)) not in self:
            super().add(level, message, extra_tags)

    def _decode(self, data: Any) -> Any:
        try:
            found = super()._decode(data)  # type: ignore[misc]  # The stubs leave it out.
        except (TypeError, ValueError, ArithmeticError, LookupError, RecursionError):
            found = [None]
        if found is None or (isinstance(found, list) and all(self._is_notice(each) for each in found)):
            return found
        self.used = True  # So that the browser is told to forget it.
        return None

    def _is_notice(self, each: Any) -> bool:
        return each == self.not_finished or (isinstance(each, Message) and isinstance(each.message, str))
