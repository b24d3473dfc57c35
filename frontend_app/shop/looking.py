"""The pages for looking: all books, one book, its cover."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control

from bookstore_project.api import errors, problem_pages, problems
from bookstore_project.api.health import read_only
from frontend_app.runtime import front
from frontend_app.shop import basket as baskets
from frontend_app.shop import browsing, catalogue, covers, refusals, shelves, single_purchases
from frontend_app.shop.browsing import Asked
from frontend_app.shop.catalogue import Found
from frontend_app.shop.pages import page, show
from frontend_app.shop.single_purchases import SinglePurchases

MISSHAPEN = "This address asks for something that no list of books has."
COVERS_KEPT_S = 365 * 24 * 3600


@read_only
@page
def home(request: HttpRequest) -> HttpResponse:
    """Topics and books worth a look; or, of what is asked for, a list of books by topic, words, order and page."""
    asked = Asked.of(request.GET)
    try:
        response = _list_page(request, asked) if asked.parameters else _entrance(request)
    except problems.StoreError as error:  # In the page's own place: who is typing can go on.
        context = {"problem": errors.store_problem(error), "told": problem_pages.told_of(error), "asked": asked}
        response = show(request, "list", context, status=error.status, wait_s=problems.wait_s(error))
    if request.headers.get("HX-Request"):
        # As somebody types, the address follows: the first search is a step that leads back, the next replace it.
        header = "HX-Replace-Url" if "find=" in request.headers.get("HX-Current-URL", "") else "HX-Push-Url"
        response[header] = asked.address()
    return response


def _entrance(request: HttpRequest) -> HttpResponse:
    topics = shelves.topics(front())
    found, new = shelves.new_books(front())
    if not found.is_ok:
        return _problem_page(request, Asked({}), found)
    context: dict[str, Any] = {"topics": topics, "new_books": new}
    if topic := shelves.topic_of_the_day(topics):
        context["topic_of_the_day"] = topic
        context["topic_books"] = shelves.new_books(front(), topic, shelves.TOPIC_BOOKS)[1]
    return show(request, "home", {**context, "source": found.source})


def _list_page(request: HttpRequest, asked: Asked) -> HttpResponse:
    found, listing = browsing.listing(front(), asked)
    if listing is None:
        return _problem_page(request, asked, found)
    context: dict[str, Any] = {"listing": listing, "asked": asked, "everywhere": asked.address(topic="")}
    if not listing.count:
        context["topics"] = shelves.topics(front())
    return show(request, "list", {**context, "source": found.source})


def _problem_page(request: HttpRequest, asked: Asked, found: Found) -> HttpResponse:
    told = MISSHAPEN if found.members.get("code") == problems.Invalid.code else ""
    return show(request, "list", {"problem": found.members, "told": told, "asked": asked}, status=found.status)


@read_only
@page
def book(request: HttpRequest, book_id: int) -> HttpResponse:
    """One book, to be put into the basket or bought at once."""
    known = single_purchases.find(request)
    kept = known or SinglePurchases()
    response = _book_page(request, book_id, kept.key_of(book_id))
    if known is None:
        single_purchases.write(response, kept)  # The page asked for once more has the same key.
    return response


def _book_page(request: HttpRequest, book_id: int, key: str | None) -> HttpResponse:
    """`key`: of buying it at once, None if it has to be by the basket. Raises NotFound, Unavailable."""
    refused = refusals.told(request, key)
    try:
        found = catalogue.book_found(front(), book_id)
    except problems.NotFound as error:
        raise problems.NotFound(f"{error.detail} Nothing was bought.") if refused else error from None
    context: dict[str, Any] = {"book": found.members, "source": found.source, "refused": refused}
    context["key"] = refused.key if refused and refused.key else key
    context["change"] = baskets.new_token()
    context["neighbours"] = shelves.neighbours(front(), found.members)
    return show(request, "book", context)


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
