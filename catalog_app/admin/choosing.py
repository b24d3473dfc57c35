"""Actions on the books chosen in the list: a page in between that asks, then one replicated transaction for all.

What was shown is done, or nothing. A form that is sent twice is carried out once.
"""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from bookstore_project.api import problem_pages, problems
from bookstore_project.api.representations import MAX_BOOK_ID
from bookstore_project.replication.web.admin import ReplicatedAdmin
from catalog_app.models import Book

MOST_AT_ONCE = 500
"""Books: one transaction holds the writer lock, and purchases wait for it."""


class ChosenForm(forms.Form):
    """`key` makes a form that is sent twice one change; its initial value has to be given."""

    key = forms.UUIDField(widget=forms.HiddenInput)


@dataclass(frozen=True)
class Done:
    """What was done to each book, for its journal, and to all of them, for who did it."""

    of_each: str
    of_all: str
    is_repeat: bool


class Step(ABC):
    """What is done to the chosen books that are `retired`, or aren't; the others are left out."""

    action: str
    title: str
    retired: bool
    explained: str = ""
    left_out: str
    """Why the others are, after "are"."""
    form: type[ChosenForm] = ChosenForm

    @abstractmethod
    def carry_out(self, ids: Sequence[int], form: ChosenForm, actor: str) -> Done:
        """Within the transaction around the admin's view. Raises StoreError: nothing was done."""


def ask(model_admin: ReplicatedAdmin, request: HttpRequest, chosen: QuerySet[Any], step: Step) -> HttpResponse | None:
    """The page that asks; what was answered there is carried out, and leads back to the list.

    A book that isn't any more what the page has shown refuses the whole.
    """
    is_asked = "key" in request.POST
    # The second time by the ids that the page has shown, whatever the list's filter says of them by now.
    found = Book.objects.filter(pk__in=_ids(request)) if is_asked else chosen.filter(retired=step.retired)
    books = list(found.order_by("id")[: MOST_AT_ONCE + 1])
    if not books or len(books) > MOST_AT_ONCE:
        text = f"These books are {step.left_out}." if not books else f"Choose {MOST_AT_ONCE} books at most."
        messages.warning(request, f"{text} Nothing was changed.")
        return None
    form = step.form(request.POST) if is_asked else step.form(initial={"key": uuid.uuid4()})
    if is_asked and form.is_valid() and _is_done(model_admin, request, books, step, form):
        return HttpResponseRedirect(request.get_full_path())
    context = {
        **model_admin.admin_site.each_context(request),
        "title": step.title,
        "opts": Book._meta,
        "step": step,
        "form": form,
        "books": books,
        "left_out": 0 if is_asked else chosen.exclude(retired=step.retired).count(),
        "chosen": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/catalog_app/book/chosen.html", context)


def counted(number: int) -> str:
    """`1 book was`, `2 books were`."""
    return "1 book was" if number == 1 else f"{number} books were"


def _ids(request: HttpRequest) -> list[int]:
    given = request.POST.getlist(ACTION_CHECKBOX_NAME)
    return [int(text) for text in given if text.isascii() and text.isdecimal() and int(text) <= MAX_BOOK_ID]


def _is_done(
    model_admin: ReplicatedAdmin, request: HttpRequest, books: Sequence[Book], step: Step, form: ChosenForm
) -> bool:
    """A refusal stands in the form then."""
    try:
        done = step.carry_out([book.pk for book in books], form, request.user.get_username())
    except (problems.Invalid, problems.NotFound, problems.Conflict, problems.IdempotencyConflict) as error:
        form.add_error(None, problem_pages.told_of(error))
        return False
    if not done.is_repeat:
        for book in books:
            model_admin.log_change(request, book, done.of_each)
    messages.success(request, done.of_all)
    return True
