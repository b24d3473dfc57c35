"""Who may do what: everybody reads and buys, staff changes, nodes call one another."""

from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:  # DRF's views read the settings that name this module.
    from rest_framework.views import APIView


class StaffOrReadOnly(BasePermission):
    """Reads for everybody, anything else for staff."""

    message = "Only staff may change this."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return request.method in SAFE_METHODS or bool(request.user and request.user.is_staff)


class IsStaff(BasePermission):
    message = "Only staff may see this."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return bool(request.user and request.user.is_staff)


class SameOrigin(BasePermission):
    """Not from a page of another site, in whose hands a browser would put the login that it remembers.

    Programs, which name no origin, may ask. (Fetch Metadata, https://www.w3.org/TR/fetch-metadata/)
    """

    message = "Pages of other origins may not do this."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        origin = request.headers.get("Origin")
        is_own = origin is None or origin == f"{request.scheme}://{request.get_host()}"
        return is_own and request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")


class IsService(BasePermission):
    """Another node of this store, shown by the service token."""

    message = "This is for the store's own nodes."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return getattr(request.user, "is_service", False)
