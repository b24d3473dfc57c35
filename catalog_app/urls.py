"""The routes of a catalog replica."""

from bookstore_project.api import internal_paths
from bookstore_project.api.cached_resources import BOOK, TOPIC, TOPICS
from bookstore_project.api.routes import admin_routes, common_routes, route
from bookstore_project.replication.web.views import LeaseView, ProcessView, StatusView
from bookstore_project.settings import topology
from catalog_app import views

DETAIL, PRODUCT, INFO = BOOK.routes
(TITLES,) = TOPIC.routes
(ALL_TOPICS,) = TOPICS.routes

urlpatterns = [
    *route("api/v1/books/", views.BookList.as_view(), "book-list"),
    *route(DETAIL, views.EditableBook.as_view(), "book-detail"),
    *route("api/v1/books/<int:book_id>/restock/", views.BookRestock.as_view(), "book-restock"),
    *route("api/v1/books/<int:book_id>/history/", views.BookHistory.as_view(), "book-history"),
    *route(PRODUCT, views.BookView.as_view(), "product"),
    *route(INFO, views.BookView.as_view(), "info"),
    *route(TITLES, views.TopicSearch.as_view(), "search"),
    *route(ALL_TOPICS, views.TopicList.as_view(), "topics"),
    *route(internal_paths.SALES[1:], views.Sales.as_view(), "sales"),
    *route(internal_paths.RETURNS[1:], views.Returns.as_view(), "returns"),
    *route(internal_paths.LEASES[1:], LeaseView.as_view(service=topology.CATALOG), "leases"),
    *route(internal_paths.PROCESSES[1:], ProcessView.as_view(), "processes"),
    *route(internal_paths.STATUS[1:], StatusView.as_view(service=topology.CATALOG), "status"),
    *common_routes(),
    *admin_routes(),
]

handler400 = "bookstore_project.api.errors.bad_request"
handler403 = "bookstore_project.api.errors.permission_denied"
handler404 = "bookstore_project.api.errors.page_not_found"
handler500 = "bookstore_project.api.errors.server_error"
