"""Who may do what: everybody reads and buys, staff does what its permissions say, nodes call one another."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from bookstore_project.api import problems

if TYPE_CHECKING:  # DRF's views read the settings that name this module.
    from rest_framework.views import APIView

VIEW_BOOK = "catalog_app.view_book"
"""What staff alone sees of books: their history."""
ADD_BOOK = "catalog_app.add_book"
CHANGE_BOOK = "catalog_app.change_book"
"""Restocking among it, as in the admin."""
DELETE_BOOK = "catalog_app.delete_book"
"""Taking out of the shop: books are retired, not deleted."""
VIEW_ORDER = "order_app.view_order"
CHANGE_ORDER = "order_app.change_order"
"""Handing out, cancelling and refunding."""
DRAIN_REPLICA = "frontend_app.drain_replica"
CLEAR_CACHE = "frontend_app.clear_cache"
BREAK_STORE = "frontend_app.break_store"
"""Stopping and killing nodes, damaging files, a rush of customers."""
ANYBODY = ""
SEEN_BY = {VIEW_BOOK: CHANGE_BOOK, VIEW_ORDER: CHANGE_ORDER}
"""Permissions to see, each with the one to change, which is enough."""


def is_allowed(user: Any, permission: str) -> bool:
    """Whether that is staff with this permission of Django's: superusers have all of them.

    Who may change something may see it, as in the admin.
    """
    if not user or not user.is_staff:
        return False
    return bool(user.has_perm(permission) or (permission in SEEN_BY and user.has_perm(SEEN_BY[permission])))


def told(permission: str) -> str:
    return f"This needs an account of staff with the permission {permission}."


_DEEDS = {
    VIEW_BOOK: "see the history of books",
    ADD_BOOK: "add books",
    CHANGE_BOOK: "change books",
    DELETE_BOOK: "take books out of the shop",
    VIEW_ORDER: "see orders",
    CHANGE_ORDER: "hand out, cancel and refund orders",
    DRAIN_REPLICA: "take replicas out of service",
    CLEAR_CACHE: "empty the cache",
    BREAK_STORE: "break parts of the store",
}


def told_in_words(permission: str) -> str:
    """The same on a page, for people."""
    return f"Your account may not {_DEEDS[permission]}. Whoever looks after the accounts can allow it."


def in_words(needs: Mapping[str, str], method: str | None) -> str:
    """What a page says to who may not do that where this is needed; empty if no permission is."""
    needed = needs.get("GET" if method == "HEAD" else str(method), ANYBODY)
    return told_in_words(needed) if needed in _DEEDS else ""


def forbidden(permission: str) -> problems.Forbidden:
    """The refusal of who has not this permission."""
    return problems.Forbidden(told(permission), told=told_in_words(permission))


class ByPermission(BasePermission):
    """What the view's `needs` says for the method: a permission, or ANYBODY.

    Of methods that it doesn't name, reads are for everybody; the others, which there aren't, for staff to hear that.
    """

    message = "Only staff may change this."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        needs: Mapping[str, str] = getattr(view, "needs", {})
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method not in needs:
            return method in SAFE_METHODS or bool(request.user and request.user.is_staff)
        needed = needs[method]
        if needed == ANYBODY:
            return True
        self.message = told(needed)
        return is_allowed(request.user, needed)


class IsService(BasePermission):
    """Another node of this store, shown by the service token."""

    message = "This is for the store's own nodes."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return getattr(request.user, "is_service", False)
