"""The basket's page, and the forms that change it."""

from collections.abc import Sequence
from decimal import Decimal
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from bookstore_project.api import problem_pages, problems
from bookstore_project.api.health import read_only
from frontend_app.runtime import front
from frontend_app.shop import catalogue, forms, made_changes, other_tabs, refusals
from frontend_app.shop.basket import Basket
from frontend_app.shop.basket_changes import Change
from frontend_app.shop.other_tabs import LateChange, LostChange
from frontend_app.shop.pages import changes, page, show
from frontend_app.shop.refusals import Refused

SENT_TWICE = "That form was sent twice: the book was put in once. If you want more copies, change their number here."


@read_only
@page
def basket(request: HttpRequest) -> HttpResponse:
    """What is in it, as of now; and what is to be said of the change, or the refusal, that led here, if one did."""
    found = made_changes.find(request)
    kept = found.basket
    refused = refusals.told(request, kept.key)
    if refused is not None and refused.key is not None:
        asked = Basket(refused.key, refused.copies)
        return basket_page(request, asked, refused=refused, is_own=False)
    lost, late = other_tabs.lost_change(request, kept), other_tabs.late_change(request, found)
    return basket_page(request, kept, refused=refused, lost_change=lost, late_change=late)


@changes
def put(request: HttpRequest) -> HttpResponse:
    """Puts copies of a book into the basket, beside those that are in it; the page says if there is no room."""
    try:
        return make(request, [Change.putting(request.POST)], token=forms.token(request.POST))
    except problems.Conflict as error:
        if not problem_pages.is_wanted(request.headers.get("Accept", "")):
            raise
        messages.warning(request, error.detail)
        return HttpResponseRedirect(reverse("basket"), status=HTTPStatus.SEE_OTHER)


@changes
def change(request: HttpRequest) -> HttpResponse:
    """So many copies of a book, or of several, from now on; none takes it out."""
    typed = Change.typed(request.POST)
    return make(request, [Change.setting(request.POST)] if typed is None else typed)


def make(request: HttpRequest, wanted: Sequence[Change], *, token: str | None = None) -> HttpResponse:
    """Makes the changes, and leads to the basket's page. Raises Conflict if there is no room.

    `token`: of the change, if it is one that may be sent twice. It is made once, as long as its books are there.
    """
    kept = made_changes.read(request)
    response = HttpResponseRedirect(reverse("basket"), status=HTTPStatus.SEE_OTHER)
    is_known = token in kept.last_changes
    if is_known and all(each.book_id in kept.copies for each in wanted):
        messages.info(request, SENT_TWICE)
    elif wanted:
        if is_known:  # It was made, and its book was taken out or bought since: who sends it again wants it again.
            token = f"{token}-{kept.changes}"
        # The page tells of the last one: that is one of which there is something to tell, if there is any.
        *others, last = sorted(wanted, key=lambda each: each.overtaken(kept) is not None)
        changed = made_changes.write(request, response, kept, [*others, last], token)
        query = other_tabs.query_of(changed, last.book_id, last.overtaken(kept))
        response["Location"] = f"{response['Location']}?{query}"
    return response


def basket_page(
    request: HttpRequest,
    kept: Basket,
    *,
    refused: Refused | None = None,
    lost_change: LostChange | None = None,
    late_change: LateChange | None = None,
    is_own: bool = True,
) -> HttpResponse:
    """`is_own`: whether it is what the visitor's cookie has, and so can be changed. Raises Unavailable."""
    lines, source = catalogue.basket_lines(front(), kept)
    rest = [line for line in lines if line.to_be_had]
    context = {
        "key": kept.key,
        "lines": lines,
        "rest": rest,
        "total": sum((line.total for line in lines), Decimal(0)),
        "total_of_rest": sum((line.total_to_be_had for line in rest), Decimal(0)),
        "is_whole": not any(line.is_short for line in lines),
        "is_own": is_own,
        "source": source,
        "refused": refused,
        "lost_change": lost_change,
        "late_change": late_change,
    }
    return show(request, "basket", context)
