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


class IsService(BasePermission):
    """Another node of this store, shown by the service token."""

    message = "This is for the store's own nodes."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return getattr(request.user, "is_service", False)
