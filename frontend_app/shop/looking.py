"""The pages for looking: all books, one book, its cover."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control

from bookstore_project.api import errors, problems
from bookstore_project.api.health import read_only
from frontend_app import services
from frontend_app.runtime import front
from frontend_app.shop import catalogue, covers, single_purchases
from frontend_app.shop.catalogue import Refused
from frontend_app.shop.pages import page, show
from frontend_app.shop.single_purchases import SinglePurchases

COVERS_KEPT_S = 365 * 24 * 3600


@read_only
@page
def home(request: HttpRequest) -> HttpResponse:
    """Books by page, topic or search words."""
    found = catalogue.ask(lambda: services.list_books(front(), request.META.get("QUERY_STRING", "")))
    if not found.is_ok:
        return show(request, "home", {"problem": found.members, "asked": request.GET}, status=found.status)
    books = [catalogue.shown(book) for book in found.members.get("results", ())]
    context = {"books": books, "page": found.members, "asked": request.GET, "source": found.source}
    return show(request, "home", context)


@read_only
@page
def book(request: HttpRequest, book_id: int) -> HttpResponse:
    """One book, to be put into the basket or bought at once."""
    known = single_purchases.find(request)
    kept = known or SinglePurchases()
    response = book_page(request, book_id, key=kept.key_of(book_id))
    if known is None:
        single_purchases.write(response, kept)  # The page asked for once more has the same key.
    return response


def book_page(
    request: HttpRequest,
    book_id: int,
    *,
    key: str | None,
    refused: Refused | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    """`key`: of buying it at once, None if it has to be by the basket; `refused`: what was just now.

    Raises NotFound, Unavailable.
    """
    found = catalogue.book_found(front(), book_id)
    context = {"book": found.members, "source": found.source, "key": key, "refused": refused}
    return show(request, "book", context, status=status)


@read_only
def cover(request: HttpRequest, book_id: int, digest: str) -> HttpResponse:
    """The cover that this book has now; kept for a year under the address of what it shows."""
    try:
        members = catalogue.book_found(front(), book_id).members
    except problems.StoreError as error:
        return errors.store_refusal(request, error)
    response = HttpResponse(covers.draw(members), content_type="image/svg+xml")
    if digest == covers.digest_of(members):
        patch_cache_control(response, public=True, max_age=COVERS_KEPT_S, immutable=True)
    else:
        patch_cache_control(response, public=True, max_age=0)
    return response
