"""The routes of a front: parse, call a service, pass on what comes back."""

import string
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import quote
from uuid import UUID

from django.http import FileResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request

from bookstore_project.api import etags, headers, permissions
from bookstore_project.api.cached_resources import BOOK, CachedResource
from bookstore_project.api.csv_files import CONTENT_TYPE, IN_MEMORY_BYTES
from bookstore_project.api.pagination import PageQuery, Pages
from bookstore_project.api.parameters import CSV, IDEMPOTENCY_KEY, IF_MATCH
from bookstore_project.api.query_parameters import BookQuery, DayQuery, OrderFilters, OrderQuery
from bookstore_project.api.renderers import CSVRenderer, JSONRenderer
from bookstore_project.api.representations import (
    PURCHASE_BODIES,
    BookChangePage,
    BookFields,
    BookPage,
    DayFields,
    OrderFields,
    OrderPage,
    PurchaseInput,
    QuantityInput,
    RestockInput,
    TitlePage,
    TopicPage,
)
from bookstore_project.api.schema_notes import described
from bookstore_project.api.views import StoreView
from frontend_app import browsable, request_bodies, services
from frontend_app.responses import Relay
from frontend_app.runtime import Front, front


def _name(request: Request) -> str:
    name: str = request.user.get_username()
    return name


class FrontView(StoreView):
    """What the front's views share."""

    takes_timeout = True
    serializer_class: type[serializers.Serializer[Any]] = BookFields

    @property
    def front(self) -> Front:
        return front()

    def show(self, relay: Relay) -> HttpResponseBase:
        return browsable.render(relay, self.request, self)

    def change(
        self, method: str, path: str, body: bytes | None = None, *, if_match: str | None = None
    ) -> HttpResponseBase:
        """A change by the member of staff who asks."""
        sent = dict(self.request.headers) | ({} if if_match is None else {"If-Match": if_match})
        relay = services.change_catalog(self.front, method, path, body, username=_name(self.request), sent=sent)
        return self.show(relay)

    @property
    def query(self) -> str:
        """In ASCII, as URLs are: of what a program sent as it is, WSGI has each byte for a character (PEP 3333)."""
        sent: str = self.request.META.get("QUERY_STRING", "")
        return sent if sent.isascii() else quote(sent.encode("latin-1"), safe=string.punctuation)


class ResourceView(FrontView):
    """A cached resource, to be read: its changes are made at the replicas."""

    resource: CachedResource = BOOK
    serializer_class = serializers.Serializer

    @described(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, **values: Any) -> HttpResponseBase:
        """Shows it."""
        (value,) = values.values()
        return self.show(services.read(self.front, self.resource, str(value), self.query))


class BookListView(FrontView):
    """All books, and new ones."""

    pagination_class = Pages
    needs: ClassVar[Mapping[str, str]] = {"POST": permissions.ADD_BOOK}

    @described(
        operation_id="books_list",
        responses=BookPage,
        parameters=[BookQuery],
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Lists books."""
        return self.show(services.list_books(self.front, self.query))

    @described(request=BookFields, responses={201: BookFields}, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request) -> HttpResponseBase:
        """Adds a book. For staff."""
        return self.change("POST", "/api/v1/books/", request_bodies.json_body(request, self.serializer_class))


class BookView(FrontView):
    """One book."""

    @described(responses=BookFields)
    def get(self, request: Request, book_id: int) -> HttpResponseBase:
        """Shows a book."""
        return self.show(services.read_book(self.front, book_id))


class EditableBookView(BookView):
    """One book, which staff may change."""

    name = "Book"  # The heading of its page.
    needs: ClassVar[Mapping[str, str]] = {"PATCH": permissions.CHANGE_BOOK, "DELETE": permissions.DELETE_BOOK}

    @described(request=BookFields, responses=BookFields, parameters=[IF_MATCH])
    def patch(self, request: Request, book_id: int) -> HttpResponseBase:
        """Changes fields of a book. For staff."""
        services.check_book_id(book_id)
        body = request_bodies.json_body(request, self.serializer_class)
        seen = etags.if_match_of(request)
        return self.change("PATCH", f"/api/v1/books/{book_id}/", body, if_match=seen)

    @described(responses={204: None}, parameters=[IF_MATCH])
    def delete(self, request: Request, book_id: int) -> HttpResponseBase:
        """Takes a book out of the shop. For staff."""
        services.check_book_id(book_id)
        return self.change("DELETE", f"/api/v1/books/{book_id}/")


class RestockView(FrontView):
    """Copies come in."""

    serializer_class = RestockInput
    needs: ClassVar[Mapping[str, str]] = {"POST": permissions.CHANGE_BOOK}

    @described(request=RestockInput, responses=BookFields, parameters=[IDEMPOTENCY_KEY, IF_MATCH])
    def post(self, request: Request, book_id: int) -> HttpResponseBase:
        """Adds copies to a book's stock. For staff."""
        services.check_book_id(book_id)
        body = request_bodies.json_body(request, self.serializer_class)
        return self.change("POST", f"/api/v1/books/{book_id}/restock/", body)


class BookHistoryView(FrontView):
    """What was changed of a book."""

    pagination_class = Pages
    needs: ClassVar[Mapping[str, str]] = {"GET": permissions.VIEW_BOOK}

    @described(operation_id="books_history", responses=BookChangePage, parameters=[PageQuery])
    def get(self, request: Request, book_id: int) -> HttpResponseBase:
        """Who changed what, when, from what to what, and by which way. For staff."""
        return self.show(services.book_history(self.front, book_id, self.query, username=_name(request)))


class SearchView(FrontView):
    """The books of a topic, by title."""

    pagination_class = Pages

    @described(
        operation_id="search",
        responses=TitlePage,
        parameters=[OpenApiParameter("topic", str, OpenApiParameter.PATH), PageQuery],
    )
    def get(self, request: Request, topic: str) -> HttpResponseBase:
        """Lists id and title of a topic's books."""
        return self.show(services.read_titles(self.front, topic, self.query))


class TopicListView(FrontView):
    """Topics of the books on sale."""

    pagination_class = Pages

    @described(operation_id="topics_list", responses=TopicPage, parameters=[PageQuery])
    def get(self, request: Request) -> HttpResponseBase:
        """Lists topics with how many books they have, those with most first."""
        return self.show(services.list_topics(self.front, self.query))


class BuyerView(FrontView):
    """A view where anybody may buy."""

    permission_classes: Sequence[type[BasePermission]] = (AllowAny,)

    def purchase(self, body: bytes) -> HttpResponseBase:
        key = self.request.headers.get(headers.IDEMPOTENCY_KEY)
        return self.show(services.purchase(self.front, body, key=key))


class OrderListView(BuyerView):
    """Orders: anybody makes one, staff see all."""

    pagination_class = Pages
    serializer_class = PurchaseInput
    permission_classes = (permissions.ByPermission,)
    needs: ClassVar[Mapping[str, str]] = {"GET": permissions.VIEW_ORDER, "POST": permissions.ANYBODY}

    @described(
        operation_id="orders_list",
        responses=OrderPage,
        parameters=[OrderQuery],
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Lists orders. For staff."""
        return self.show(services.list_orders(self.front, self.query, username=_name(request)))

    @described(request=PURCHASE_BODIES, responses={201: OrderFields}, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request) -> HttpResponseBase:
        """Buys a book."""
        return self.purchase(request_bodies.json_body(request, self.serializer_class))


class OrderExportView(FrontView):
    """Orders as a file."""

    renderer_classes = (JSONRenderer, CSVRenderer)
    needs: ClassVar[Mapping[str, str]] = {"GET": permissions.VIEW_ORDER}

    @described(operation_id="orders_export", responses=CSV, parameters=[OrderFilters])
    def get(self, request: Request) -> HttpResponseBase:
        """Orders and their lines as CSV, as of one moment. For staff."""
        # Here first, whole: who downloads slowly keeps no replica waiting, and gets no half of a file.
        with ExitStack() as kept:
            spool = kept.enter_context(tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES))
            relay = services.export_orders(self.front, self.query, spool, username=_name(request))
            if relay.status != HTTPStatus.OK:
                return self.show(relay)
            spool.seek(0)
            kept.pop_all()  # The response closes it.
        response = FileResponse(spool, as_attachment=True, filename="orders.csv", content_type=CONTENT_TYPE)
        for name, value in relay.headers.items():
            response[name] = value
        return response


class DayView(FrontView):
    """A day of the shop."""

    needs: ClassVar[Mapping[str, str]] = {"GET": permissions.VIEW_ORDER}

    @described(operation_id="orders_day", responses=DayFields, parameters=[DayQuery])
    def get(self, request: Request) -> HttpResponseBase:
        """Orders, copies and takings of a day, and what was sold. For staff."""
        return self.show(services.read_day(self.front, self.query, username=_name(request)))


class PurchaseView(BuyerView):
    """Buys the book that the address names."""

    serializer_class = QuantityInput

    @described(request=QuantityInput, responses={201: OrderFields}, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request, book_id: int) -> HttpResponseBase:
        """Buys a book; without a body, one copy."""
        services.check_book_id(book_id)
        return self.purchase(request_bodies.purchase_body(request, book_id, self.serializer_class))


class OrderView(FrontView):
    """One order."""

    serializer_class = OrderFields

    @described(responses=OrderFields)
    def get(self, request: Request, order_id: UUID) -> HttpResponseBase:
        """Shows an order to whoever knows its id."""
        return self.show(services.read_order(self.front, str(order_id)))
