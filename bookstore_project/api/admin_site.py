"""The index of the admin: what a shop needs every day comes first."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest

FIRST_APPS = ("catalog_app", "order_app", "auth", "authtoken")
FIRST_MODELS = ("Book", "Order", "BookChange", "LedgerEntry", "User", "Group")
"""In the order of use; what isn't named stands behind, by name."""


class StoreAdminSite(AdminSite):
    """Books and orders, their history, the ledger, then the accounts."""

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps: list[Any] = super().get_app_list(request, app_label)
        for app in apps:
            app["models"].sort(key=lambda model: _place(FIRST_MODELS, model["object_name"]))
        return sorted(apps, key=lambda app: _place(FIRST_APPS, app["app_label"]))


def _place(order: tuple[str, ...], name: str) -> int:
    return order.index(name) if name in order else len(order)
