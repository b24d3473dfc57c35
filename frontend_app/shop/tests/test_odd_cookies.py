"""Cookies that are signed with the shop's own secret, and hold whatever JSON can: an older shop's, or a mistake's."""

import zlib
from typing import Any

import pytest
from django.conf import settings
from django.core import signing
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bookstore_project.api.message_cookies import NodeCookieStorage
from frontend_app.shop import basket as baskets
from frontend_app.shop import own_orders, single_purchases
from frontend_app.shop.tests.visits import form_of, put, signed, text_of

COOKIES = (baskets.COOKIE, own_orders.COOKIE, single_purchases.COOKIE)
PAGES = ("/", "/books/1/", "/basket/", "/orders/", "/basket/?change=0.x&book=1&before=1")
LOST = {baskets.COOKIE: "the basket is empty", own_orders.COOKIE: "the list of them begins anew"}

numbers = st.one_of(
    st.floats(),  # NaN and the infinities among them: Python writes and reads them as JSON.
    st.sampled_from([10**400, 2**63, -1, True, 0, 1, 2]),
)
scalars = st.one_of(st.none(), numbers, st.text(max_size=4), st.sampled_from(["k" * 22, "9b2c1e1c", "NaN"]))
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
rows = st.lists(st.lists(scalars, max_size=4) | anything, max_size=3)
nearly_ours = st.fixed_dictionaries(
    {},
    optional={
        "key": st.just("k" * 22) | scalars,
        "lines": rows | anything,
        "change": st.lists(scalars, min_size=2, max_size=2) | anything,
        "orders": st.lists(scalars, max_size=3) | anything,
        "base": st.just("b" * 22) | scalars,
        "turns": rows | anything,
    },
)


@pytest.mark.large
@pytest.mark.parametrize("name", COOKIES)
@given(members=nearly_ours | anything)
@hypothesis_settings(
    max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
def test_whatever_a_cookie_holds_every_page_is_there_and_what_is_lost_is_told_once(name: str, members: Any) -> None:
    for path in PAGES:
        client = Client(headers={"accept": "text/html"})
        client.cookies[name] = signed(members, name)
        answer = client.get(path)
        assert answer.status_code == 200
        if name in LOST and LOST[name] in text_of(answer):
            assert client.cookies[name].value == ""
            assert LOST[name] not in text_of(client.get(path))


@pytest.mark.large
@pytest.mark.parametrize("name", COOKIES)
@pytest.mark.parametrize(
    "number", [float("nan"), float("inf"), float("-inf"), 10**400, 1e308, True, "1", None, [], {}]
)
def test_no_number_that_is_none_gets_through(client: Client, name: str, number: Any) -> None:
    key, line = "k" * 22, [1, 1, 1000]
    for place in range(3):
        odd = [number if each == place else value for each, value in enumerate(line)]
        members = {"key": key, "lines": [odd], "orders": [number], "base": "b" * 22, "turns": [odd[:2]]}
        client.cookies[name] = signed(members, name)
        for path in PAGES:
            assert client.get(path).status_code == 200
    client.cookies[name] = signed({"key": key, "lines": [line], "change": [number, "x"]}, name)
    assert client.get("/basket/?change=1.y&book=1").status_code == 200


@pytest.mark.parametrize("payload", [b"\xff\xfe", b"{", b"", b"[" * 100_000, zlib.compress(b"x")])
@pytest.mark.parametrize("is_compressed", [False, True])
def test_what_is_signed_and_is_no_json_is_lost(client: Client, payload: bytes, is_compressed: bool) -> None:
    for name in COOKIES:
        text = ("." if is_compressed else "") + signing.b64_encode(payload).decode()
        client.cookies[name] = signing.TimestampSigner(salt=f"frontend_app.shop.{name}").sign(text)
    text = text_of(client.get("/basket/"))
    assert all(told in text for told in LOST.values())
    assert not any(told in text_of(client.get("/basket/")) for told in LOST.values())


def test_what_is_put_into_a_lost_basket_is_there_and_the_loss_is_told_on_its_page(client: Client) -> None:
    client.cookies[baskets.COOKIE] = "forged"
    page = put(client, 1)
    assert LOST[baskets.COOKIE] in text_of(page)
    assert form_of(page)["line"] == ["1 1 10.00"]
    assert LOST[baskets.COOKIE] not in text_of(client.get("/basket/"))
    assert form_of(client.get("/basket/")) == form_of(page)


def test_what_is_typed_into_the_search_does_not_swallow_it(client: Client) -> None:
    """The part of the page that is exchanged has no room for it."""
    client.cookies[baskets.COOKIE] = "forged"
    client.get("/?find=x", headers={"HX-Request": "true"})
    assert LOST[baskets.COOKIE] in text_of(client.get("/"))


def test_whose_cookies_are_well_is_told_nothing(client: Client) -> None:
    put(client, 1)
    for path in PAGES:
        answer = client.get(path)
        assert not any(told in text_of(answer) for told in LOST.values())
        assert not [name for name in answer.cookies if name.startswith("messages")]


@given(messages=anything | st.lists(st.lists(scalars | st.just("__json_message"), max_size=6), max_size=2))
@hypothesis_settings(
    max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
def test_whatever_the_notices_hold_the_page_is_there(messages: Any) -> None:
    client = Client(headers={"accept": "text/html"})
    signer = signing.get_cookie_signer(salt=NodeCookieStorage.key_salt)
    client.cookies[NodeCookieStorage.cookie_name] = signer.sign_object(messages, serializer=signing.JSONSerializer)
    assert client.get("/basket/").status_code == 200
    assert settings.MESSAGE_STORAGE.endswith("NodeCookieStorage")
