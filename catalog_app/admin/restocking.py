"""The action that restocks the books chosen in the list, and the page in between that asks with how many copies."""

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from bookstore_project.api import problems
from bookstore_project.api.representations import MAX_BOOK_ID, MAX_RESTOCK
from catalog_app.models import Book
from catalog_app.services import books_restock

MOST_AT_ONCE = 500
"""Books: one transaction holds the writer lock, and purchases wait for it."""


class RestockForm(forms.Form):
    """`key` makes a form that is sent twice one restock."""

    quantity = forms.IntegerField(label="Copies for each", min_value=1, max_value=MAX_RESTOCK)
    key = forms.UUIDField(widget=forms.HiddenInput)


@admin.action(description="Restock the selected books", permissions=["change"])
def restock(model_admin: Any, request: HttpRequest, queryset: QuerySet[Book]) -> HttpResponse | None:
    """Asks how many, then adds them in one replicated transaction; a book that is retired is left out.

    One that is retired while the page is open refuses the whole: what was shown is done, or nothing.
    """
    is_asked = "quantity" in request.POST
    # The second time by the ids that the page has shown, which neither the list's filter nor a retirement changes.
    found = Book.objects.filter(pk__in=_chosen(request)) if is_asked else queryset.filter(retired=False)
    books = list(found.order_by("id")[: MOST_AT_ONCE + 1])
    if not books or len(books) > MOST_AT_ONCE:
        text = "Retired books aren't restocked." if not books else f"Choose {MOST_AT_ONCE} books at most."
        messages.warning(request, f"{text} Nothing was changed.")
        return None
    form = RestockForm(request.POST) if is_asked else RestockForm(initial={"key": uuid.uuid4(), "quantity": 1})
    if is_asked and form.is_valid() and _is_done(model_admin, request, books, form):
        return HttpResponseRedirect(request.get_full_path())
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Restock",
        "opts": Book._meta,
        "form": form,
        "books": books,
        "chosen": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/catalog_app/book/restock.html", context)


def _chosen(request: HttpRequest) -> list[int]:
    given = request.POST.getlist(ACTION_CHECKBOX_NAME)
    return [int(text) for text in given if text.isascii() and text.isdecimal() and int(text) <= MAX_BOOK_ID]


def _is_done(model_admin: Any, request: HttpRequest, books: Sequence[Book], form: RestockForm) -> bool:
    """Within the transaction around the admin's view; a refusal stands in the form then."""
    quantity = form.cleaned_data["quantity"]
    try:
        answer = books_restock(
            book_ids=[book.pk for book in books],
            quantity=quantity,
            actor=request.user.get_username(),
            key=str(form.cleaned_data["key"]),
        ).value
    except (problems.Invalid, problems.NotFound, problems.IdempotencyConflict) as error:
        form.add_error("quantity", error.detail)
        return False
    copies = "1 copy" if quantity == 1 else f"{quantity} copies"
    if not answer.is_repeat:
        for book in books:
            model_admin.log_change(request, book, f"Restocked with {copies}.")
    were = "1 book was" if len(books) == 1 else f"{len(books)} books were"
    messages.success(request, f"{were} restocked: {copies} each.")
    return True
