"""Handing out, cancelling and refunding in the admin: asked first, done once, and told who did it."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import formats, timezone
from django.utils.timezone import localtime

from bookstore_project.api.order_numbers import number_of
from bookstore_project.api.sales import Line
from bookstore_project.api.tests.api import make_staff
from bookstore_project.nodes.client import NeverSent
from bookstore_project.replication.tests.support.replica_files import rows
from order_app.models import Order
from order_app.purchase import purchase
from order_app.tests.catalog import Wire
from tests.contract.html import Page

ORDERS = "/admin/order_app/order/"
WHOLE = {"whole": "1"}
"""What the button says that cancels all copies that are left."""


def logged_in(name: str) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(username=name))
    return client


@pytest.fixture
def ann(node: Wire) -> Client:
    """A shop assistant's browser."""
    return logged_in("ann")


@pytest.fixture
def order(ann: Client) -> Order:
    return purchase(key=None, lines=[Line(1, 2), Line(2, 5)]).value.order


def form_of(browser: Client, order: Order, what: str) -> dict[str, str]:
    """The fields of the page as a browser sends them, with a reason where one has to be given."""
    page = browser.get(f"{ORDERS}{order.pk}/{what}/", follow=True)
    assert page.status_code == 200, page.content[:300]
    found = dict.fromkeys(page.context["form"].fields, "")
    for tag in re.findall(r"<input [^>]*>", page.content.decode()):
        name, value = (re.search(rf'{each}="([^"]*)"', tag) for each in ("name", "value"))
        if name and name[1] in found and value:
            found[name[1]] = value[1]
    return found | ({"reason": "ordered twice"} if what == "cancel" else {})


@pytest.mark.parametrize("reason", ["", "ordered twice"])
def test_one_press_on_a_fresh_form_cancels_nothing(ann: Client, order: Order, reason: str) -> None:
    fields = form_of(ann, order, "cancel") | {"reason": reason}
    assert (fields["copies-1"], fields["copies-2"]) == ("0", "0")
    page = send(ann, order, "cancel", fields)
    assert page.context["form"].errors
    assert stocks() == [48, 45]


def test_nothing_is_cancelled_without_a_reason(ann: Client, order: Order) -> None:
    """Nothing takes a cancellation back."""
    for asked in ({"copies-1": "1"}, WHOLE):
        page = send(ann, order, "cancel", form_of(ann, order, "cancel") | {"reason": " "} | asked)
        assert page.context["form"].errors == {"reason": ["This field is required."]}
    assert stocks() == [48, 45]


def test_the_whole_order_is_cancelled_by_a_button_of_its_own_whatever_the_fields_say(
    ann: Client, order: Order
) -> None:
    send(ann, order, "cancel", form_of(ann, order, "cancel") | {"copies-1": "1"})
    page = ann.get(f"{ORDERS}{order.pk}/cancel/", follow=True).content.decode()
    assert page.index('value="Cancel copies"') < page.index('name="whole"'), "Enter in a field presses the first one"
    fields = form_of(ann, order, "cancel") | WHOLE | {"copies-1": "x", "copies-2": "3"}
    for _ in range(2):
        assert told(send(ann, order, "cancel", fields)) == [
            "The order was cancelled as asked; the copies are for sale again."
        ]
    assert stocks() == [50, 50]
    other = send(ann, order, "cancel", fields | {"whole": "", "copies-1": "0"})
    assert "This form was sent before, with something else in it." in other.content.decode()


def send(browser: Client, order: Order, what: str, fields: dict[str, str]) -> Any:
    return browser.post(f"{ORDERS}{order.pk}/{what}/", fields, follow=True)


def text_of(answer: Any) -> str:
    """The page's words, in single spaces."""
    return " ".join(Page.of(answer.content).text.split())


def stocks() -> list[object]:
    return [row[0] for row in rows("catalog-1", "SELECT quantity FROM catalog_app_book WHERE id < 3 ORDER BY id")]


def told(answer: Any) -> list[str]:
    return [str(each) for each in answer.context["messages"]]


def test_a_part_is_cancelled_once_however_often_the_form_is_sent(ann: Client, order: Order) -> None:
    fields = form_of(ann, order, "cancel") | {"copies-2": "2", "reason": "damaged <b>"}
    for _ in range(3):
        answer = send(ann, order, "cancel", fields)
        assert answer.redirect_chain == [(f"{ORDERS}{order.pk}/change/", 302)]
        assert told(answer) == ["The order was cancelled as asked; the copies are for sale again."]
        assert stocks() == [48, 47]
    page = answer.content.decode()
    assert "cancelled: 2 × " in page
    assert "damaged &lt;b&gt;" in page
    assert LogEntry.objects.count() == 1
    other = send(ann, order, "cancel", fields | {"copies-2": "1"})
    assert "This form was sent before, with something else in it." in other.content.decode()
    assert "of 3 to hand out" in ann.get(f"{ORDERS}{order.pk}/cancel/", follow=True).content.decode()


@pytest.mark.parametrize("what", ["cancel", "refund", "collect", "reopen"])
def test_a_page_asked_for_again_by_its_address_has_the_same_form(ann: Client, order: Order, what: str) -> None:
    """As a browser does that goes back: the form that it fills in again is the one that was sent."""
    anew = f"{ORDERS}{order.pk}/{what}/"
    address = ann.get(anew).headers["Location"]
    assert address.startswith(f"{anew}?key=")
    keys = [ann.get(address).context["form"]["key"].value() for _ in range(2)]
    assert keys[0] == keys[1]
    assert ann.get(anew).headers["Location"] != address
    assert ann.get(f"{anew}?key=x").headers["Location"].startswith(f"{anew}?key=")


def test_the_form_of_a_whole_cancellation_may_be_sent_again(ann: Client, order: Order) -> None:
    fields = form_of(ann, order, "cancel") | {"copies-1": "2", "copies-2": "5"}
    for _ in range(2):
        assert send(ann, order, "cancel", fields).redirect_chain
    assert stocks() == [50, 50]


@pytest.mark.parametrize(
    ("copies", "error"),
    [
        ("6", "This order has 5 copies of this book."),
        ("-1", "Fewer than no copies can’t be cancelled."),
        ("x", "whole number"),
        ("0", "Say how many copies are cancelled."),
    ],
)
def test_nonsense_is_said_at_the_form_and_cancels_nothing(ann: Client, order: Order, copies: str, error: str) -> None:
    fields = form_of(ann, order, "cancel") | {"copies-1": "0", "copies-2": copies}
    answer = send(ann, order, "cancel", fields)
    assert (answer.status_code, answer.redirect_chain) == (200, [])
    assert error in answer.content.decode()
    assert stocks() == [48, 45]


def test_two_forms_that_were_open_at_once_cancel_no_copy_twice(ann: Client, order: Order) -> None:
    one, other = (form_of(who, order, "cancel") | {"copies-1": "2"} for who in (ann, logged_in("root")))
    send(ann, order, "cancel", one)
    answer = send(logged_in("root"), order, "cancel", other)
    assert "0 copies are left of" in answer.content.decode()
    assert stocks() == [50, 45]


def test_an_order_is_handed_out_and_refunded(ann: Client, order: Order) -> None:
    send(ann, order, "cancel", form_of(ann, order, "cancel") | {"copies-1": "1"})
    fields = form_of(ann, order, "refund")
    assert fields["amount"] == str(order.lines.all()[0].unit_price)
    for _ in range(2):
        assert told(send(ann, order, "refund", fields)) == ["The order has its refund noted."]
    page = send(ann, order, "collect", form_of(ann, order, "collect"))
    assert told(page) == ["The order was handed out."]
    assert rows("order-2", "SELECT kind, actor FROM order_app_orderchange ORDER BY created_at") == [
        ("cancelled", "ann"),
        ("refunded", "ann"),
        ("collected", "ann"),
    ]
    assert "/collect/" not in page.content.decode()
    assert "/refund/" in page.content.decode()
    late = send(ann, order, "cancel", form_of(ann, order, "cancel") | WHOLE)
    assert "has been collected" in late.content.decode()


def test_a_hand_out_of_the_wrong_order_is_undone_with_a_reason(ann: Client, order: Order) -> None:
    handed_out = form_of(ann, order, "collect")
    page = send(ann, order, "collect", handed_out).content.decode()
    assert (f"{order.pk}/reopen/" in page, f"{order.pk}/cancel/" in page) == (True, False)
    fields = form_of(ann, order, "reopen")
    assert "This field is required." in send(ann, order, "reopen", fields | {"reason": " "}).content.decode()
    for _ in range(2):
        undone = send(ann, order, "reopen", fields | {"reason": "the wrong order"})
        assert told(undone) == ["The order is to be handed out again."]
    assert rows("order-2", "SELECT kind, actor, reason FROM order_app_orderchange ORDER BY created_at, kind") == [
        ("collected", "ann", ""),
        ("reopened", "ann", "the wrong order"),
    ]
    page = undone.content.decode()
    assert (f"{order.pk}/reopen/" in page, f"{order.pk}/collect/" in page) == (False, True)
    assert re.findall(r"field-what.*?<p>(.*?)</p>", page, re.DOTALL) == ["collected", "hand-out undone"]


def test_a_form_of_before_doesnt_say_that_what_was_undone_since_is_done(ann: Client, order: Order) -> None:
    handed_out, undone = form_of(ann, order, "collect"), {}
    said = "This form was carried out before, and undone since: nothing more was done."
    send(ann, order, "collect", handed_out)
    undone = form_of(ann, order, "reopen") | {"reason": "the wrong order"}
    send(ann, order, "reopen", undone)
    assert told(send(ann, order, "collect", handed_out)) == [said]
    send(ann, order, "collect", form_of(ann, order, "collect"))
    assert told(send(ann, order, "reopen", undone)) == [said]


def test_the_order_says_its_number_and_when_staff_changed_it_in_the_shops_time(ann: Client, order: Order) -> None:
    send(ann, order, "collect", form_of(ann, order, "collect"))
    change = order.changes.get()
    number = number_of(str(order.pk))
    with timezone.override("Asia/Kolkata"):
        page = ann.get(f"{ORDERS}{order.pk}/change/").content.decode()
        moment = localtime(change.created_at)
    assert f'<div class="readonly">{number}</div>' in page
    assert re.findall(r"field-when.*?<p>(.*?)</p>", page, re.DOTALL) == [formats.localize(moment)]


@pytest.mark.parametrize("what", ["change", "cancel", "refund", "collect", "reopen"])
def test_each_page_names_the_order_by_the_number_that_the_customer_says(ann: Client, order: Order, what: str) -> None:
    page = ann.get(f"{ORDERS}{order.pk}/{what}/", follow=True).content.decode()
    heading = page.partition('<div id="content"')[2].partition("<form")[0]
    assert number_of(str(order.pk)) in heading


@pytest.mark.parametrize("what", ["refund", "collect"])
def test_each_step_says_how_many_copies_are_left(ann: Client, order: Order, what: str) -> None:
    send(ann, order, "cancel", form_of(ann, order, "cancel") | {"copies-1": "2", "copies-2": "1", "reason": "enough"})
    page = text_of(ann.get(f"{ORDERS}{order.pk}/{what}/", follow=True))
    assert "4 × RPCs for Noobs (1 cancelled)" in page
    assert "2 × How to get a good grade in DOS in 40 minutes a day (2 cancelled)" in page


def test_the_list_says_what_is_left_of_what_was_bought(ann: Client, order: Order) -> None:
    send(ann, order, "cancel", form_of(ann, order, "cancel") | {"copies-1": "2", "reason": "enough"})
    order.refresh_from_db()
    page = text_of(ann.get(ORDERS))
    assert re.search(rf"{number_of(str(order.pk))} To hand out .* 5 of 7 {order.left_total} of {order.total} ", page)


def test_what_staff_did_is_on_the_orders_page_alone(ann: Client, order: Order) -> None:
    """The admin's own history knows nothing of what came by the API or the day's page."""
    page = ann.get(f"{ORDERS}{order.pk}/change/").content.decode()
    assert f"{order.pk}/cancel/" in page
    assert f"{order.pk}/history/" not in page


def test_the_address_of_its_history_leads_there(ann: Client, order: Order) -> None:
    answer = ann.get(f"/admin/order_app/order/{order.pk}/history/")
    assert answer["Location"] == f"/admin/order_app/order/{order.pk}/change/#changes-group"
    assert 'id="changes-group"' in ann.get(answer["Location"].partition("#")[0]).content.decode()


def test_several_orders_are_handed_out_from_the_list(ann: Client, order: Order) -> None:
    other = purchase(key=None, lines=[Line(3, 1)]).value.order
    cancelled = purchase(key=None, lines=[Line(1, 1)]).value.order
    send(ann, cancelled, "cancel", form_of(ann, cancelled, "cancel") | WHOLE)
    chosen = {"action": "hand_out", "_selected_action": [str(each.pk) for each in (order, other, cancelled)]}
    answer = ann.post(ORDERS, chosen, follow=True)
    assert told(answer)[-1] == "2 orders were handed out."
    assert "This order has been cancelled before." in told(answer)[0]
    assert ann.get(f"{ORDERS}?status__exact=collected").context["cl"].result_count == 2
    assert told(ann.post(ORDERS, chosen, follow=True))[-1] == "0 orders were handed out."


def test_who_may_only_look_is_offered_nothing(ann: Client, order: Order) -> None:
    eve = make_staff("eve")
    eve.user_permissions.add(Permission.objects.get(codename="view_order"))
    browser = logged_in("eve")
    page = browser.get(f"{ORDERS}{order.pk}/change/").content.decode()
    assert "/cancel/" not in page
    for what in ("cancel", "collect", "reopen", "refund"):
        assert browser.get(f"{ORDERS}{order.pk}/{what}/").status_code == 403
        assert browser.post(f"{ORDERS}{order.pk}/{what}/", {}).status_code == 403
    chosen = {"action": "hand_out", "_selected_action": [str(order.pk)]}
    browser.post(ORDERS, chosen)
    assert rows("order-1", "SELECT count(*) FROM order_app_orderchange") == [(0,)]
    assert Client().get(f"{ORDERS}{order.pk}/cancel/").status_code == 302


def test_an_unknown_order_is_not_found(ann: Client) -> None:
    assert ann.get(f"{ORDERS}6f1c2b5e-0000-4000-8000-000000000001/cancel/").status_code == 404


def test_without_the_catalog_the_page_says_what_is_known(node: Wire, ann: Client, order: Order) -> None:
    def refuse(name: str) -> None:
        raise NeverSent(name)

    node.before = refuse
    fields = form_of(ann, order, "cancel") | WHOLE
    answer = ann.post(f"{ORDERS}{order.pk}/cancel/", fields, headers={"Accept": "text/html"})
    assert answer.status_code == 503
    assert "The copies are cancelled" in answer.content.decode()
    node.before = lambda name: None
    assert send(ann, order, "cancel", fields).redirect_chain
    assert stocks() == [50, 50]


@pytest.mark.parametrize("what", ["collect", "cancel", "refund"])
def test_a_reason_that_no_text_can_be_is_told_in_the_form(ann: Client, order: Order, what: str) -> None:
    fields = form_of(ann, order, what) | WHOLE | {"reason": "gone\u202e", "amount": "1"}
    answer = send(ann, order, what, fields)
    assert answer.status_code == 200
    assert "U+202E RIGHT-TO-LEFT OVERRIDE" in answer.content.decode()
    assert told(send(ann, order, what, fields | {"reason": "gone"}))


def test_a_cent_can_be_given_back(ann: Client, order: Order) -> None:
    fields = form_of(ann, order, "refund") | {"amount": "0.01"}
    assert told(send(ann, order, "refund", fields)) == ["The order has its refund noted."]
