"""The accounts in the admin, with words for what they may do."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User

if TYPE_CHECKING:  # Generic for the type checker only.
    FrameworksAdmin = UserAdmin[User]
else:
    FrameworksAdmin = UserAdmin
admin.site.unregister(User)  # As the framework has registered it just now: a cross for whoever is no staff.


@admin.register(User)
class AccountAdmin(FrameworksAdmin):
    list_display = ("username", "first_name", "last_name", "email", "may_do")

    @admin.display(description="rights", ordering="is_staff")
    def may_do(self, user: User) -> str:
        if not user.is_active:
            return "may not log in"
        if user.is_superuser:
            return "everything"
        return "staff" if user.is_staff else ""
