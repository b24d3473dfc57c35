"""The catalog's routes: parse, call, render."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from bookstore_project.api import etags, headers, permissions, representations
from bookstore_project.api.cached_resources import BOOK, ONLY, TOPIC, TOPICS
from bookstore_project.api.cursors import Cursor
from bookstore_project.api.idempotency import checked_key
from bookstore_project.api.log_remarks import remark
from bookstore_project.api.pagination import PageQuery, Pages, checked_query, page_by_key
from bookstore_project.api.parameters import IDEMPOTENCY_KEY, IF_MATCH
from bookstore_project.api.permissions import IsService
from bookstore_project.api.query_parameters import BookQuery
from bookstore_project.api.sales import Line, movements_as_json
from bookstore_project.api.schema_notes import described
from bookstore_project.replication.web.views import ReplicaView
from bookstore_project.settings import topology
from bookstore_project.text.canonical import canonical_or_same
from catalog_app import listing, returns, sales, selectors, services
from catalog_app.listing import ListedBooks
from catalog_app.models import Book
from catalog_app.serializers import (
    ReturnInput,
    SaleInput,
    book_bytes,
    book_change_data,
    book_data,
    title_data,
)


class CatalogView(ReplicaView):
    service = topology.CATALOG

    serializer_class: type[serializers.Serializer[Any]] = representations.BookFields


def answered(answer: services.WriteResult, status_code: int) -> Response:
    response = Response(json.loads(answer.body), status=status_code)
    if answer.is_repeat:
        response[headers.IDEMPOTENT_REPLAYED] = "true"
    return response


class BookList(CatalogView):
    """Books on sale."""

    pagination_class = Pages
    needs: ClassVar[Mapping[str, str]] = {"POST": permissions.ADD_BOOK}

    @described(operation_id="books_list", parameters=[BookQuery], responses=representations.BookPage)
    def get(self, request: Request) -> Response:
        """Filter by topic, search words in title and authors, find words as people type them, order, turn pages."""
        query = checked_query(BookQuery, request)
        with self.reading():
            books = selectors.books_matching(query)
            if "after" in query and isinstance(books.rows, ListedBooks):
                page = self.page_behind(books.rows, query)
            else:
                page = self.page_of(books.rows, book_data)
        if query["find"]:
            page.data["corrected"] = books.corrected
        return page

    def page_behind(self, books: ListedBooks, query: Mapping[str, Any]) -> Response:
        """The page by key that is asked for."""
        size, ordering = query["page_size"], query.get("ordering", "id")
        column = ordering.removeprefix("-")

        def cursor(book: Book) -> Cursor:
            return Cursor(ordering, book.id, "" if column == "id" else getattr(book, column))

        found = books.behind(query["after"], size + 1)
        return Response(page_by_key(self.request, found, size, len(books), render=book_data, cursor=cursor))

    @described(
        operation_id="books_create",
        parameters=[IDEMPOTENCY_KEY],
        request=representations.BookFields,
        responses={201: representations.BookFields},
    )
    def post(self, request: Request) -> Response:
        """Put a new book on the shelf (staff)."""
        key = checked_key(request.headers.get(headers.IDEMPOTENCY_KEY))
        answer = self.committed(
            services.book_create(
                fields=self.checked(request),
                actor=request.user.get_username(),
                key=key,
                deadline=self.deadline(request),
            )
        )
        response = answered(answer, status.HTTP_201_CREATED)
        response["Location"] = f"/api/v1/books/{response.data['id']}/"
        return response


class BookView(CatalogView):
    """One book, to be read."""

    @described(responses=representations.BookFields)
    def get(self, request: Request, book_id: int) -> Response:
        """Everything about a book, with its price and stock as of now."""
        with self.reading(keys=[BOOK.key(book_id)]):
            book = selectors.book_get(book_id)
        response = Response(book_data(book))
        response["ETag"] = etags.etag_of(book_bytes(book))
        return response


class EditableBook(BookView):
    """One book."""

    name = "Book"  # The heading of its page.
    needs: ClassVar[Mapping[str, str]] = {"PATCH": permissions.CHANGE_BOOK, "DELETE": permissions.DELETE_BOOK}

    @described(
        operation_id="books_update",
        parameters=[IF_MATCH],
        request=representations.BookFields,
        responses=representations.BookFields,
    )
    def patch(self, request: Request, book_id: int) -> Response:
        """Change some fields (staff); a changed quantity is a correction in the ledger."""
        body = self.committed(
            services.book_update(
                book_id=book_id,
                fields=self.checked(request, partial=True),
                actor=request.user.get_username(),
                if_match=etags.if_match_of(request),
                deadline=self.deadline(request),
            )
        )
        return Response(json.loads(body))

    @described(operation_id="books_destroy", parameters=[IF_MATCH], request=None, responses={204: None})
    def delete(self, request: Request, book_id: int) -> Response:
        """Take a book out of the shop (staff); its ledger and its orders stay."""
        self.committed(
            services.book_retire(
                book_id=book_id,
                actor=request.user.get_username(),
                if_match=request.headers.get("If-Match"),
                deadline=self.deadline(request),
            )
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class BookRestock(CatalogView):
    """New copies of a book."""

    serializer_class = representations.RestockInput
    needs: ClassVar[Mapping[str, str]] = {"POST": permissions.CHANGE_BOOK}

    @described(
        operation_id="books_restock",
        parameters=[IDEMPOTENCY_KEY, IF_MATCH],
        request=representations.RestockInput,
        responses=representations.BookFields,
    )
    def post(self, request: Request, book_id: int) -> Response:
        """Add copies (staff); the ledger has them as a restock."""
        key = checked_key(request.headers.get(headers.IDEMPOTENCY_KEY))
        answer = self.committed(
            services.book_restock(
                book_id=book_id,
                quantity=self.checked(request)["quantity"],
                actor=request.user.get_username(),
                key=key,
                if_match=request.headers.get("If-Match"),
                deadline=self.deadline(request),
            )
        )
        return answered(answer, status.HTTP_200_OK)


class BookHistory(CatalogView):
    """What was changed of a book."""

    pagination_class = Pages
    needs: ClassVar[Mapping[str, str]] = {"GET": permissions.VIEW_BOOK}

    @described(operation_id="books_history", parameters=[PageQuery], responses=representations.BookChangePage)
    def get(self, request: Request, book_id: int) -> Response:
        """Who changed what, when, from what to what, and by which way (staff); newest first."""
        checked_query(PageQuery, request)
        with self.reading():
            return self.page_of(selectors.history_of(book_id), book_change_data)


class TopicSearch(CatalogView):
    """Id and title of a topic's books."""

    pagination_class = Pages

    @described(operation_id="search_topic", parameters=[PageQuery], responses=representations.TitlePage)
    def get(self, request: Request, topic: str) -> Response:
        """An unknown topic is an empty page."""
        checked_query(PageQuery, request)
        topic = canonical_or_same(topic)
        with self.reading(keys=[TOPIC.key(topic)]):
            return self.page_of(selectors.books_of_topic(topic), title_data)


class TopicList(CatalogView):
    """Topics of the books on sale."""

    pagination_class = Pages

    @described(operation_id="topics_list", parameters=[PageQuery], responses=representations.TopicPage)
    def get(self, request: Request) -> Response:
        """Topics with how many books they have, those with most first."""
        checked_query(PageQuery, request)
        with self.reading(keys=[TOPICS.key(ONLY)]):
            return self.page_of(listing.topics(), dict)


@described(exclude=True)
class Sales(CatalogView):
    """For order replicas: sell, and list what was sold."""

    permission_classes = (IsService,)
    serializer_class = SaleInput

    def post(self, request: Request) -> Response:
        asked = self.checked(request)
        sale = self.committed(
            sales.order_sell(
                order=asked["order"],
                lines=[Line(**line) for line in asked["lines"]],
                deadline=self.deadline(request),
                is_first_attempt=asked["first_attempt"],
            )
        )
        response = Response(sale.as_json(), status=status.HTTP_200_OK if sale.is_repeat else status.HTTP_201_CREATED)
        sold = ", ".join(f"{line.quantity} × book {line.book}" for line in sale.lines)
        remark(response, f"{sold} for order {sale.order}")
        return response

    def get(self, request: Request) -> Response:
        """Sales and returns above a number of the ledger (of one `kind`), or (`order`) the sale of that order."""
        asked = request.query_params
        after = serializers.IntegerField(min_value=0).run_validation(asked.get("after", "0"))
        order = serializers.UUIDField().run_validation(asked["order"]) if "order" in asked else None
        kinds = [asked["kind"]] if asked.get("kind") in selectors.MOVED else selectors.MOVED
        with self.reading():
            if order is not None:
                entries = selectors.sold_for(order)
            else:
                entries = selectors.moved_after(after, ROWS_AT_ONCE, kinds)
        return Response(movements_as_json(returns.movements_of(entries)))


@described(exclude=True)
class Returns(CatalogView):
    """For order replicas: put copies of a cancelled order back on the shelf."""

    permission_classes = (IsService,)
    serializer_class = ReturnInput

    def post(self, request: Request) -> Response:
        asked = self.checked(request)
        lines = [Line(line["book"], line["quantity"]) for line in asked["lines"]]
        returned = self.committed(
            returns.copies_return(
                cancellation=asked["cancellation"], order=asked["order"], lines=lines, actor=asked["actor"]
            )
        )
        code = status.HTTP_200_OK if returned.is_repeat else status.HTTP_201_CREATED
        response = Response(returned.as_json(), status=code)
        told = ", ".join(f"{line.quantity} × book {line.book}" for line in returned.lines)
        remark(response, f"{told} back from order {returned.order}")
        return response


ROWS_AT_ONCE = 500
