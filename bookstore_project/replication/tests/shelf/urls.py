"""A replica's routes, with an admin of its own."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from bookstore_project.api.routes import common_routes, route
from bookstore_project.replication.tests.shelf.models import Article, Loan, Movement, Reader, Shelf, Thing
from bookstore_project.replication.web.admin import ReplicatedAdmin
from bookstore_project.replication.web.views import ReplicaView

if TYPE_CHECKING:  # Generic for the type checker only.
    LoansBase = admin.TabularInline[Loan, Thing]
else:
    LoansBase = admin.TabularInline


class ArticleView(ReplicaView):
    service = "shelf"

    def get(self, request: Request, article_id: int) -> Response:
        with self.reading():
            return Response({"title": Article.objects.get(pk=article_id).title})


class Loans(LoansBase):
    model = Loan
    extra = 0


class ThingAdmin(ReplicatedAdmin):
    service = "shelf"
    fields = ("name", "count", "shelf", "home", "tags")
    inlines = (Loans,)


class ReaderAdmin(ReplicatedAdmin):
    service = "shelf"
    list_display = ("id", "name", "level")
    list_editable = ("name", "level")


class ArticleAdmin(ReplicatedAdmin):
    service = "shelf"
    fields = ("title", "kind", "price", "quantity")
    list_display = ("title", "price")
    search_fields = ("title",)


class MovementAdmin(ReplicatedAdmin):
    service = "shelf"


class ShelfAdmin(ReplicatedAdmin):
    service = "shelf"


site = admin.AdminSite()
site.register(Thing, ThingAdmin)
site.register(Reader, ReaderAdmin)
site.register(Shelf, ShelfAdmin)
site.register(Article, ArticleAdmin)
site.register(Movement, MovementAdmin)
urlpatterns = [
    *route("articles/<int:article_id>", ArticleView.as_view()),
    path("admin/", site.urls),
    *common_routes(),
]
