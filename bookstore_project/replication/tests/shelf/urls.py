"""An admin of its own, for tests of what the admin can do."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.urls import path

from bookstore_project.replication.tests.shelf.models import Loan, Reader, Shelf, Thing
from bookstore_project.replication.web.admin import ReplicatedAdmin

if TYPE_CHECKING:  # Generic for the type checker only.
    LoansBase = admin.TabularInline[Loan, Thing]
else:
    LoansBase = admin.TabularInline


class Loans(LoansBase):
    model = Loan
    extra = 0


class ThingAdmin(ReplicatedAdmin):
    service = "catalog"
    fields = ("name", "count", "shelf", "home", "tags")
    inlines = (Loans,)


class ReaderAdmin(ReplicatedAdmin):
    service = "catalog"
    list_display = ("id", "name", "level")
    list_editable = ("name", "level")


class ShelfAdmin(ReplicatedAdmin):
    service = "catalog"


site = admin.AdminSite()
site.register(Thing, ThingAdmin)
site.register(Reader, ReaderAdmin)
site.register(Shelf, ShelfAdmin)
urlpatterns = [path("admin/", site.urls)]
