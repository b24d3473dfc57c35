"""The action that restocks the books chosen in the list, and asks with how many copies."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from bookstore_project.api.representations import MAX_RESTOCK, OUT_OF_BOUNDS
from catalog_app.admin.choosing import ChosenForm, Done, Step, ask, counted
from catalog_app.models import Book
from catalog_app.services import books_restock


class RestockForm(ChosenForm):
    quantity = forms.IntegerField(
        label="Copies for each",
        min_value=1,
        max_value=MAX_RESTOCK,
        initial=1,
        error_messages=OUT_OF_BOUNDS["restock"],
    )


class Restock(Step):
    action = "restock"
    title = "Restock"
    retired = False
    left_out = "retired, and aren't restocked"
    form = RestockForm

    def carry_out(self, ids: Sequence[int], form: ChosenForm, actor: str) -> Done:
        quantity, key = form.cleaned_data["quantity"], str(form.cleaned_data["key"])
        answer = books_restock(book_ids=ids, quantity=quantity, actor=actor, key=key).value
        copies = "1 copy" if quantity == 1 else f"{quantity} copies"
        told = f"{counted(len(ids))} restocked: {copies} each."
        return Done(f"Restocked with {copies}.", told, answer.is_repeat)


@admin.action(description="Restock the selected books", permissions=["change"])
def restock(model_admin: Any, request: HttpRequest, queryset: QuerySet[Book]) -> HttpResponse | None:
    return ask(model_admin, request, queryset, Restock())
