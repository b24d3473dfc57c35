"""The pages of the admin on which staff hand an order out, undo that, cancel copies of it, and note a refund.

Each page asks first, and its form carries an idempotency key: what is sent twice is done once. The key is in the
page's address, since a browser that goes back asks for the page again, and fills in what was typed. A cancellation
waits for the catalog, so it isn't carried out within the transaction that is around the admin's other pages.
"""

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from bookstore_project.api import problem_pages, problems
from bookstore_project.api.order_numbers import number_of
from bookstore_project.api.permissions import CHANGE_ORDER, is_allowed
from bookstore_project.api.representations import MAX_PRICE, REASON_LENGTH
from bookstore_project.api.sales import Line
from bookstore_project.replication import reads
from bookstore_project.replication.web.admin import ReplicatedAdmin
from order_app import cancellation, order_changes
from order_app.models import Order, OrderChange, OrderLine
from order_app.order_changes import Asked
from order_app.selectors import order_find


class ChangeForm(forms.Form):
    """`key` makes a form that is sent twice one change; its initial value has to be given."""

    reason = forms.CharField(
        max_length=REASON_LENGTH, required=False, help_text="For your colleagues, not shown to the customer."
    )
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, order: Order, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order = order

    def clean_reason(self) -> str:
        """In the one form of texts. Raises ValidationError for what none may have."""
        return str(OrderChange._meta.get_field("reason").clean(self.cleaned_data["reason"], None))

    def carry_out(self, asked: Asked) -> order_changes.Changed:
        """Raises StoreError."""
        return order_changes.collect(asked).value

    def is_undone(self, order: Order) -> bool:
        """Whether something that was done since has undone it."""
        return order.status != Order.Status.COLLECTED


class ReopenForm(ChangeForm):
    """A reason has to be given: the customer may have been told that the books were collected."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = True

    def carry_out(self, asked: Asked) -> order_changes.Changed:
        return order_changes.reopen(asked).value

    def is_undone(self, order: Order) -> bool:
        return order.status == Order.Status.COLLECTED


class CancelForm(ChangeForm):
    """A field for each line that has copies left, none of them to begin with, or a button for all that are left.

    A reason has to be given: nothing takes it back.
    """

    def __init__(self, *args: Any, order: Order, **kwargs: Any) -> None:
        super().__init__(*args, order=order, **kwargs)
        # Those that were shown stay: the key of a form that is sent again says whether it was carried out.
        self._lines = {name_of(line): line for line in order.lines.all() if line.left or name_of(line) in self.data}
        self._is_whole = bool(self.data.get(WHOLE))
        fields = {} if self._is_whole else {name: _copies_field(line) for name, line in self._lines.items()}
        self.fields = {**fields, **self.fields}
        self.fields["reason"].required = True

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and not self._is_whole and not any(cleaned[name] for name in self._lines):
            raise forms.ValidationError("Say how many copies are cancelled.")
        return cleaned

    def carry_out(self, asked: Asked) -> order_changes.Changed:
        if self._is_whole:
            return cancellation.cancel(asked).value
        wanted = {line.book: self.cleaned_data[name] for name, line in self._lines.items()}
        lines = [Line(book, copies) for book, copies in wanted.items() if copies]
        return cancellation.cancel(asked, lines).value

    def is_undone(self, order: Order) -> bool:
        return False


class RefundForm(ChangeForm):
    """How much; what is owed for cancelled copies, to begin with."""

    amount = forms.DecimalField(min_value=Decimal("0.01"), max_value=MAX_PRICE, decimal_places=2)
    field_order = ("amount", "reason", "key")

    def __init__(self, *args: Any, order: Order, **kwargs: Any) -> None:
        super().__init__(*args, order=order, **kwargs)
        owed = order.cancelled_total - order.refunded
        self.fields["amount"].initial = owed if owed > 0 else None
        self.fields["amount"].help_text = f"Paid: {order.total:.2f}; given back: {order.refunded:.2f}."

    def carry_out(self, asked: Asked) -> order_changes.Changed:
        return order_changes.refund(asked, self.cleaned_data["amount"]).value

    def is_undone(self, order: Order) -> bool:
        return False


WHOLE = "whole"
"""The button of CancelForm that cancels all copies that are left, whatever the fields say."""
PAGES: dict[str, tuple[str, str, type[ChangeForm]]] = {
    "collect": ("Hand out", "was handed out", ChangeForm),
    "reopen": ("Undo hand-out", "is to be handed out again", ReopenForm),
    "cancel": ("Cancel copies", "was cancelled as asked; the copies are for sale again", CancelForm),
    "refund": ("Refund", "has its refund noted", RefundForm),
}


def _copies_field(line: OrderLine) -> forms.IntegerField:
    copies = "1 copy" if line.quantity == 1 else f"{line.quantity} copies"
    return forms.IntegerField(
        label=line.title,
        min_value=0,
        max_value=line.quantity,
        initial=0,
        help_text=f"Copies that are cancelled, of {line.left} to hand out.",
        error_messages={
            "min_value": "Fewer than no copies can’t be cancelled.",
            "max_value": f"This order has {copies} of this book.",
        },
    )


def name_of(line: OrderLine) -> str:
    """Of a line's field in the form."""
    return f"copies-{line.book}"


def may_change(model_admin: ReplicatedAdmin, request: HttpRequest) -> bool:
    return model_admin.is_at_home and is_allowed(request.user, CHANGE_ORDER)


def urls(model_admin: ReplicatedAdmin) -> list[URLPattern]:
    """The pages' addresses, below that of the order."""

    def view(what: str) -> Callable[..., HttpResponse]:
        def answer(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
            return model_admin.explained(request, lambda: page(model_admin, request, order_id, what))

        return model_admin.admin_site.admin_view(answer)

    return [path(f"<uuid:order_id>/{what}/", view(what), name=f"order_app_order_{what}") for what in PAGES]


def page(model_admin: ReplicatedAdmin, request: HttpRequest, order_id: uuid.UUID, what: str) -> HttpResponse:
    """Asks; a form that was sent is carried out, and leads back to the order. Raises Unavailable, OutcomeUnknown."""
    if not may_change(model_admin, request):
        raise PermissionDenied
    with reads.reading(model_admin.service):
        order = order_find(order_id)
    if order is None:
        raise Http404(f"There is no order {order_id}.")
    title, done, kind = PAGES[what]
    key = _key_of(request)
    if request.method != "POST" and key is None:
        return HttpResponseRedirect(f"{request.path}?key={uuid.uuid4()}")
    form = kind(request.POST, order=order) if request.method == "POST" else kind(order=order, initial={"key": key})
    if request.method == "POST" and form.is_valid() and (changed := _done(model_admin, request, form, title)):
        if form.is_undone(changed.order):
            messages.warning(request, "This form was carried out before, and undone since: nothing more was done.")
        else:
            messages.success(request, f"The order {done}.")
        return HttpResponseRedirect(reverse("admin:order_app_order_change", args=[order_id]))
    number = number_of(str(order.pk))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"{title}: {number}",
        "number": number,
        "step": title,
        "whole": WHOLE if kind is CancelForm else "",
        "opts": Order._meta,
        "form": form,
        "order": order,
    }
    response = TemplateResponse(request, "admin/order_app/order/change_order.html", context)
    return response.render()


def _key_of(request: HttpRequest) -> uuid.UUID | None:
    """That is in the page's address, if it is one."""
    try:
        return uuid.UUID(request.GET.get("key", ""))
    except ValueError:
        return None


def _done(
    model_admin: ReplicatedAdmin, request: HttpRequest, form: ChangeForm, title: str
) -> order_changes.Changed | None:
    """None if it is refused: that stands in the form then."""
    cleaned = form.cleaned_data
    asked = Asked(form.order.pk, request.user.get_username(), cleaned["reason"], f"admin {cleaned['key']}")
    try:
        changed = form.carry_out(asked)
    except problems.IdempotencyConflict:
        form.add_error(None, "This form was sent before, with something else in it. Begin anew at the order.")
        return None
    except (problems.Conflict, problems.Invalid, problems.NotFound) as error:
        form.add_error(None, problem_pages.told_of(error))
        return None
    if not changed.is_repeat:
        model_admin.log_change(request, changed.order, f"{title}: {changed.change.reason or 'without a reason'}.")
    return changed


@admin.action(description="Hand out the selected orders")
def hand_out(model_admin: ReplicatedAdmin, request: HttpRequest, queryset: Any) -> None:
    """Those that are to be handed out; the others are named, and left as they are."""
    if not may_change(model_admin, request):
        raise PermissionDenied
    done = 0
    for order in queryset:
        try:
            order_changes.collect(Asked(order.pk, request.user.get_username()))
        except problems.Conflict as error:
            messages.warning(request, f"{order}: {error.detail}")
            continue
        done += 1
        model_admin.log_change(request, order, "Handed out.")
    were = "1 order was" if done == 1 else f"{done} orders were"
    messages.success(request, f"{were} handed out.")
