"""The actions that take the books chosen in the list out of the shop, and put them back."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from catalog_app.admin.choosing import ChosenForm, Done, Step, ask, counted
from catalog_app.models import Book
from catalog_app.services import books_bring_back, books_retire


class Retire(Step):
    action = "retire"
    title = "Retire"
    retired = False
    explained = (
        "Retired books aren’t shown in the shop, nor sold. Their stock, ledger, history and orders stay as they are, "
        "and they can be brought back."
    )
    left_out = "retired already"

    def carry_out(self, ids: Sequence[int], form: ChosenForm, actor: str) -> Done:
        answer = books_retire(book_ids=ids, actor=actor, key=str(form.cleaned_data["key"])).value
        return Done("Retired.", f"{counted(len(ids))} retired.", answer.is_repeat)


class BringBack(Step):
    action = "bring_back"
    title = "Bring back"
    retired = True
    explained = "They are shown in the shop and sold again, with the stock that they had."
    left_out = "on sale already"

    def carry_out(self, ids: Sequence[int], form: ChosenForm, actor: str) -> Done:
        answer = books_bring_back(book_ids=ids, actor=actor, key=str(form.cleaned_data["key"])).value
        return Done("Brought back.", f"{counted(len(ids))} brought back.", answer.is_repeat)


@admin.action(description="Retire the selected books", permissions=["retire"])
def retire(model_admin: Any, request: HttpRequest, queryset: QuerySet[Book]) -> HttpResponse | None:
    return ask(model_admin, request, queryset, Retire())


@admin.action(description="Bring the selected books back", permissions=["retire"])
def bring_back(model_admin: Any, request: HttpRequest, queryset: QuerySet[Book]) -> HttpResponse | None:
    return ask(model_admin, request, queryset, BringBack())
