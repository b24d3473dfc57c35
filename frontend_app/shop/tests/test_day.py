"""The day's page: what to hand out, what was sold, what runs low, for staff alone."""

import datetime
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from bookstore_project.api import headers
from bookstore_project.api.tests.api import make_staff
from bookstore_project.settings import topology
from frontend_app.runtime import Front, serving
from frontend_app.shop.tests.visits import text_of
from frontend_app.tests.support import fakes
from frontend_app.tests.support.fakes import Asked, json_reply, problem_reply
from tests.contract.html import Page

ID = "6f1c2b5e-0000-4000-8000-000000000001"
LINE = {"book": 1, "title": "Odd <Book>", "quantity": 3, "cancelled": 0, "unit_price": "0.10", "total": "0.30"}
ORDER = {"id": ID, "lines": [LINE], "total": "0.30", "status": "completed", "created_at": "2030-01-02T03:04:05Z"}
SOLD = {"book": 1, "title": "Odd <Book>", "copies": 3, "sold": "0.30"}


class Services:
    """The order service and the catalog: a day, one order, and a book of each kind."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.silent: tuple[str, ...] = ()
        self.hours = 24
        self.sold = [SOLD]
        self.more_books: str | None = None
        self.figures = {"orders": 1, "copies": 3, "sold": "0.30", "takings": "0.30", "refunded": "0.00"}
        self.collected = json_reply(ORDER | {"status": "collected"})
        self.reopened = json_reply(ORDER)
        self.orders: dict[str, Any] = {"count": 1, "next": None, "previous": None, "results": [ORDER]}

    def __call__(self, asked: Asked) -> Any:
        self.asked.append(asked)
        if asked.node.rpartition("-")[0] in self.silent:
            return problem_reply("unavailable", 1)
        path, query = asked.path.partition("?")[0], self.query(asked)
        if path == "/api/v1/orders/day/":
            begins = datetime.datetime(2030, 1, 2, tzinfo=datetime.UTC)
            ends = begins + datetime.timedelta(hours=self.hours)
            span = {"begins": begins.isoformat(), "ends": ends.isoformat()}
            return json_reply({**span, **self.figures, "books": self.sold})
        if asked.method == "POST":
            return self.reopened if path.endswith("/reopen/") else self.collected
        if path == "/api/v1/orders/":
            if query.get("number") == "nonsense":
                return json_reply({"code": "validation_error", "errors": {"number": ["Expected digits."]}}, 400)
            return json_reply(self.orders)
        title, left = {"low": ("Lowly", 2), "out": ("Outed", 0)}[query["stock"]]
        book = {"id": 7, "title": title, "quantity": left}
        count = 1870 if self.more_books else 1
        return json_reply({"count": count, "next": self.more_books, "previous": None, "results": [book]})

    @staticmethod
    def query(asked: Asked) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}

    def to(self, path: str) -> Asked:
        return next(asked for asked in reversed(self.asked) if asked.path.partition("?")[0] == path)


@pytest.fixture
def services() -> Services:
    return Services()


@pytest.fixture(autouse=True)
def front(services: Services, db: None) -> Iterator[Front]:
    store = fakes.Store()
    store.behaviours.update(dict.fromkeys(("order-1", "order-2", "catalog-1", "catalog-2"), services))
    with serving(fakes.make_front(store)) as front:
        yield front


@pytest.fixture
def ann(client: Client) -> Client:
    client.force_login(make_staff("ann", "shop assistants"))
    return client


def test_it_shows_what_staff_needs_of_a_day(ann: Client, services: Services) -> None:
    answer = ann.get("/day/?date=2030-01-02")
    words = " ".join(Page.of(answer.content).text.split())
    assert answer.status_code == 200
    for told in (
        "Wednesday, 2 January 2030",
        "Takings 0.30 EUR Copies sold 3 Orders 1",
        "6F1C 2B5E 3 × Odd <Book> 0.30 2 Jan 2030, 03:04 UTC",
        "Odd <Book> 3 0.30",
        "Runs low now Lowly 2 left",
        "Sold out now Outed",
    ):
        assert told in words
    assert f"/orders/{ID}/" in Page.of(answer.content).links
    moments = "created_after=2030-01-02T00%3A00%3A00%2B00%3A00&created_before=2030-01-03T00%3A00%3A00%2B00%3A00"
    assert f"/api/v1/orders/export/?{moments}" in Page.of(answer.content).links
    assert services.query(services.to("/api/v1/orders/day/")) == {"date": "2030-01-02"}
    assert services.to("/api/v1/orders/").headers[headers.ACTING_USER] == "ann"


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> datetime.date:
    day = datetime.date(2030, 3, 1)
    monkeypatch.setattr(timezone, "localdate", lambda: day)
    return day


@pytest.mark.usefixtures("today")
def test_days_lead_to_those_beside_them_and_back_to_today(ann: Client) -> None:
    links = Page.of(ann.get("/day/?date=2030-02-28").content).links
    assert {"?date=2030-02-27", "?date=2030-03-01", "/day/"} <= set(links)


@pytest.mark.usefixtures("today")
@pytest.mark.parametrize("path", ["/day/", "/day/?date=2030-03-01", "/day/?date=2030-03-05"])
def test_no_day_leads_to_one_that_has_not_come(ann: Client, path: str) -> None:
    page = ann.get(path).content.decode()
    assert 'rel="prev"' in page
    assert 'rel="next"' not in page


class TestStock:
    """What runs low and what is sold out, whole."""

    @pytest.mark.parametrize(("kind", "title"), [("low", "Lowly"), ("out", "Outed")])
    def test_more_than_fits_the_day_has_a_page_of_its_own(
        self, ann: Client, services: Services, kind: str, title: str
    ) -> None:
        services.more_books = f"/api/v1/books/?stock={kind}&page=2&page_size=10"
        day = Page.of(ann.get("/day/").content)
        assert f"/day/{kind}/" in day.links
        assert "All 1,870 books" in day.text
        page = Page.of(ann.get(f"/day/{kind}/?page=1").content)
        assert title in page.text
        assert "1,870 books" in page.text
        assert "?page=2" in page.links
        assert services.query(services.to("/api/v1/books/"))["page_size"] == "50"

    def test_what_fits_is_there_without_it(self, ann: Client) -> None:
        assert "/day/low/" not in Page.of(ann.get("/day/").content).links

    def test_a_catalog_that_is_silent_is_told(self, ann: Client, services: Services) -> None:
        services.silent = ("catalog",)
        answer = ann.get("/day/low/")
        assert (answer.status_code, "can’t be read now" in text_of(answer)) == (503, True)

    def test_it_is_for_staff(self, client: Client, services: Services) -> None:
        assert client.get("/day/out/").headers["Location"] == "/api-auth/login/?next=/day/out/"
        client.force_login(User.objects.create_user("bob"))
        assert client.get("/day/out/").status_code == 403
        assert services.asked == []


class TestAdmin:
    """The way from an order to what staff may do with it."""

    def links(self, ann: Client, host: str = "127.0.0.1:8000", path: str = "/day/") -> list[str]:
        return [link for link in Page.of(ann.get(path, headers={"host": host}).content).links if "/admin/" in link]

    def test_each_order_leads_to_its_page_at_a_replica(self, ann: Client) -> None:
        assert self.links(ann) == [f"{topology.NODES['order-1'].url}/admin/order_app/order/{ID}/change/"]
        (books,) = self.links(ann, path="/day/low/")
        assert books == f"{topology.NODES['catalog-1'].url}/admin/catalog_app/book/?stock=low"

    def test_at_one_that_answers(self, ann: Client, front: Front) -> None:
        front.breakers.failed(topology.NODES["order-1"], "gone")
        assert self.links(ann) == [f"{topology.NODES['order-2'].url}/admin/order_app/order/{ID}/change/"]

    def test_there_is_none_where_no_browser_would_come_in(self, ann: Client, settings: Settings) -> None:
        settings.ALLOWED_HOSTS = ["*"]
        assert self.links(ann, host="shop.example") == []
        settings.SECURE_SSL_REDIRECT = True
        answer = ann.get("/day/", headers={"host": "localhost"}, secure=True)
        assert not [link for link in Page.of(answer.content).links if "/admin/" in link]

    def test_what_the_shop_names_counts(self, ann: Client, settings: Settings) -> None:
        settings.ADMINS = {"order": "https://127.0.0.1:8442/admin", "catalog": ""}
        settings.ALLOWED_HOSTS = ["*"]
        wanted = [f"https://127.0.0.1:8442/admin/order_app/order/{ID}/change/"]
        assert self.links(ann, host="shop.example") == wanted


def test_the_most_that_is_told_of_a_day_says_so(ann: Client, services: Services) -> None:
    assert "sold for the most" not in text_of(ann.get("/day/"))
    services.sold = [SOLD] * 10
    assert "More books that were sold" not in text_of(ann.get("/day/"))
    services.sold = [SOLD] * 100
    at_once, others = text_of(ann.get("/day/")).split("More books that were sold")
    row = f'<a href="/books/{SOLD["book"]}/">'
    assert (at_once.count(row), others.count(row)) == (10, 90), "those that run low are in sight"
    assert "The 100 that were sold for the most. The file has all." in text_of(ann.get("/day/"))


def test_without_a_date_it_is_today_in_the_shop(
    ann: Client, services: Services, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    now = datetime.datetime(2030, 1, 1, 11, tzinfo=datetime.UTC)
    localdate = timezone.localdate
    monkeypatch.setattr(timezone, "localdate", lambda: localdate(now))
    assert "Wednesday, 2 January 2030" in text_of(ann.get("/day/"))
    assert services.query(services.to("/api/v1/orders/day/")) == {"date": "2030-01-02"}


def test_a_day_on_which_the_clock_changes_says_so(ann: Client, services: Services) -> None:
    assert "hours" not in text_of(ann.get("/day/"))
    services.hours = 23
    assert "A day of 23 hours" in text_of(ann.get("/day/"))


def test_a_number_is_searched_for_as_it_was_typed(ann: Client, services: Services) -> None:
    words = text_of(ann.get("/day/?number=+6f1c++2b5e+"))
    assert services.query(services.to("/api/v1/orders/"))["number"] == "6f1c 2b5e"
    assert "1 order with 6f1c 2b5e" in " ".join(words.split())


def test_what_is_no_number_is_said_and_the_rest_of_the_page_is_there(ann: Client) -> None:
    answer = ann.get("/day/?number=nonsense")
    assert answer.status_code == 400
    assert "That is no number of an order: it begins with at least four" in text_of(answer)
    assert "Takings" in text_of(answer)


def test_no_order_of_that_number_is_said_so(ann: Client, services: Services) -> None:
    services.orders |= {"count": 0, "results": []}
    assert "No order has a number that begins with 0000" in text_of(ann.get("/day/?number=0000"))


def test_older_orders_are_a_page_further(ann: Client, services: Services) -> None:
    services.orders |= {"count": 21, "next": "/api/v1/orders/?number=6f1c&page_size=20&page=2"}
    links = Page.of(ann.get("/day/?date=2030-01-02&number=6f1c").content).links
    assert "?date=2030-01-02&number=6f1c&page=2#orders" in links
    ann.get("/day/?number=6f1c&page=2")
    assert services.query(services.to("/api/v1/orders/"))["page"] == "2"


@pytest.mark.parametrize(
    ("silent", "told", "is_there"),
    [
        ("order", ("The figures of the day can’t be read now", "The orders can’t be read now"), "Lowly"),
        ("catalog", ("The stock can’t be read now",), "Takings"),
    ],
)
def test_a_service_that_is_silent_takes_only_its_part_away(
    ann: Client, services: Services, silent: str, told: tuple[str, ...], is_there: str
) -> None:
    services.silent = (silent,)
    answer = ann.get("/day/")
    assert answer.status_code == 200
    assert all(each in text_of(answer) for each in (*told, is_there))


@pytest.mark.parametrize("date", ["yesterday", "2030-02-30", "0001-01-01", "9999-12-31", "2030-W01-1-1"])
def test_what_is_no_day_is_refused(ann: Client, services: Services, date: str) -> None:
    assert ann.get(f"/day/?date={date}").status_code == 400
    assert services.asked == []


def test_who_is_not_logged_in_is_led_to_the_login_and_back(client: Client, services: Services) -> None:
    answer = client.get("/day/?date=2030-01-02")
    assert (answer.status_code, answer["Location"]) == (302, "/api-auth/login/?next=/day/%3Fdate%3D2030-01-02")
    assert services.asked == []


def test_who_may_not_see_orders_does_not_see_it(client: Client, services: Services) -> None:
    client.force_login(User.objects.create_user("bob"))
    answer = client.get("/day/")
    assert (answer.status_code, "Your account may not see orders" in text_of(answer)) == (403, True)
    assert "/day/" not in Page.of(client.get("/basket/").content).links
    assert services.asked == []


def test_it_is_kept_by_nobody_and_found_from_every_page(ann: Client) -> None:
    assert "no-store" in ann.get("/day/")["Cache-Control"]
    assert "/day/" in Page.of(ann.get("/basket/").content).links


class TestHandingOut:
    def form(self, ann: Client) -> dict[str, str]:
        (form,) = (form for form in Page.of(ann.get("/day/").content).forms if "order" in form.fields)
        assert form.action == "/day/collect/"
        return form.fields

    def test_what_was_collected_or_cancelled_is_not_to_be_handed_out(self, ann: Client, services: Services) -> None:
        ann.get("/day/")
        assert services.query(services.to("/api/v1/orders/"))["status"] == "completed"

    @pytest.mark.parametrize("status", ["collected", "cancelled"])
    def test_but_is_found_by_its_number(self, ann: Client, services: Services, status: str) -> None:
        services.orders["results"] = [ORDER | {"status": status}]
        answer = ann.get("/day/?number=6f1c2b5e")
        assert "status" not in services.query(services.to("/api/v1/orders/"))
        assert status.capitalize() in text_of(answer)
        assert not [form for form in Page.of(answer.content).forms if "order" in form.fields]

    def test_one_press_hands_out_once_under_the_forms_own_key(self, ann: Client, services: Services) -> None:
        fields = self.form(ann)
        for _ in range(2):
            answer = ann.post("/day/collect/", fields)
            asked = services.to(f"/api/v1/orders/{ID}/collect/")
            assert asked.headers[headers.IDEMPOTENCY_KEY] == fields["key"]
            assert asked.headers[headers.ACTING_USER] == "ann"
        assert (answer.status_code, answer["Location"]) == (303, f"/day/?date={fields['date']}#orders")
        assert "Order 6F1C 2B5E was handed out." in text_of(ann.get("/day/"))

    def test_what_is_refused_is_told(self, ann: Client, services: Services) -> None:
        services.collected = json_reply({"code": "conflict", "detail": "It was cancelled."}, 409)
        ann.post("/day/collect/", self.form(ann))
        assert "Order 6F1C 2B5E: It was cancelled." in text_of(ann.get("/day/"))

    def test_a_form_of_before_notes_nothing_once_it_was_undone(self, ann: Client, services: Services) -> None:
        services.collected = json_reply(ORDER)
        ann.post("/day/collect/", self.form(ann))
        assert "that form was sent before, and undone since" in text_of(ann.get("/day/"))

    @pytest.mark.parametrize("bad", [{"date": "nonsense"}, {"order": "nonsense"}])
    def test_a_form_that_is_refused_hands_nothing_out(
        self, ann: Client, services: Services, bad: dict[str, str]
    ) -> None:
        fields = self.form(ann) | bad
        assert ann.post("/day/collect/", fields).status_code == 400
        assert not [asked for asked in services.asked if asked.method == "POST"]

    def test_copies_that_were_cancelled_are_not_handed_out(self, ann: Client, services: Services) -> None:
        services.orders["results"] = [ORDER | {"lines": [LINE | {"cancelled": 1}]}]
        text = text_of(ann.get("/day/"))
        assert '2 × Odd &lt;Book&gt; <small class="out">1 cancelled</small>' in text
        assert '<td class="number" data-label="Total">0.20</td>' in text, "what is left to be paid"

    def test_takings_say_what_lessened_them(self, ann: Client, services: Services) -> None:
        services.figures |= {"sold": "0.90", "cancelled": "0.60", "cancelled_copies": 2, "refunded": "0.10"}
        words = " ".join(text_of(ann.get("/day/")).split())
        assert "Sold for 0.90, less 0.60 for 2 copies cancelled on this day" in words
        assert "Money given back on this day: 0.10 EUR." in words

    def test_who_may_only_look_has_no_button(self, client: Client, services: Services) -> None:
        client.force_login(make_staff("olga", "operators"))
        answer = client.get("/day/")
        assert not [form for form in Page.of(answer.content).forms if "order" in form.fields]
        assert client.post("/day/collect/", {"order": ID, "key": "0123456789abcdef"}).status_code == 403
        assert client.get("/day/collect/").status_code == 405
        assert not [asked for asked in services.asked if asked.method == "POST"]

    def test_another_sites_form_is_refused(self, services: Services) -> None:
        browser = Client(enforce_csrf_checks=True, headers={"accept": "text/html"})
        browser.force_login(make_staff("ann", "shop assistants"))
        assert browser.post("/day/collect/", {"order": ID, "key": "0123456789abcdef"}).status_code == 403
        assert services.asked == []


class TestUndoingAHandOut:
    def page(self, ann: Client, services: Services) -> Page:
        services.orders["results"] = [ORDER | {"status": "collected"}]
        found = Page.of(ann.get("/day/?number=6f1c2b5e").content)
        (address,) = (link for link in found.links if link.startswith("/day/reopen/"))
        answer = ann.get(address, follow=True)
        assert "key=" in answer.redirect_chain[0][0], "a browser that goes back asks for the same form"
        return Page.of(answer.content)

    def form(self, ann: Client, services: Services) -> dict[str, str]:
        (form,) = (form for form in self.page(ann, services).forms if "order" in form.fields)
        assert form.action == "/day/reopen/"
        return form.fields | {"reason": "the wrong  order"}

    def test_the_page_that_says_that_it_was_handed_out_leads_there(self, ann: Client, services: Services) -> None:
        (form,) = (form for form in Page.of(ann.get("/day/").content).forms if "order" in form.fields)
        ann.post("/day/collect/", form.fields)
        links = Page.of(ann.get("/day/").content).links
        assert [link for link in links if link.startswith(f"/day/reopen/?order={ID}")]

    def test_one_press_undoes_once_under_the_forms_own_key(self, ann: Client, services: Services) -> None:
        fields = self.form(ann, services)
        for _ in range(2):
            answer = ann.post("/day/reopen/", fields)
            asked = services.to(f"/api/v1/orders/{ID}/reopen/")
            assert asked.headers[headers.IDEMPOTENCY_KEY] == fields["key"]
            assert asked.headers[headers.ACTING_USER] == "ann"
            assert json.loads(asked.body or b"") == {"reason": "the wrong order"}
        assert (answer.status_code, answer["Location"]) == (303, f"/day/?date={fields['date']}#orders")
        assert "Order 6F1C 2B5E isn’t noted as handed out any more." in text_of(ann.get("/day/"))

    @pytest.mark.parametrize("bad", [{"reason": " "}, {"order": "nonsense"}, {"date": "nonsense"}, {"key": "short"}])
    def test_a_form_that_is_refused_undoes_nothing(
        self, ann: Client, services: Services, bad: dict[str, str]
    ) -> None:
        answer = ann.post("/day/reopen/", self.form(ann, services) | bad, follow=True)
        assert answer.status_code == (400 if "key" not in bad else 200)
        assert not [asked for asked in services.asked if asked.method == "POST"]

    def test_what_is_refused_or_was_handed_out_since_is_told(self, ann: Client, services: Services) -> None:
        fields = self.form(ann, services)
        services.reopened = json_reply({"code": "conflict", "detail": "It isn't."}, 409)
        ann.post("/day/reopen/", fields)
        assert "Order 6F1C 2B5E: It isn&#x27;t." in text_of(ann.get("/day/"))
        services.reopened = services.collected
        ann.post("/day/reopen/", fields)
        assert "it was handed out since" in text_of(ann.get("/day/"))

    def test_who_may_only_look_is_not_led_there(self, client: Client, services: Services) -> None:
        client.force_login(make_staff("olga", "operators"))
        services.orders["results"] = [ORDER | {"status": "collected"}]
        assert "/day/reopen/" not in text_of(client.get("/day/?number=6f1c2b5e"))
        fields = {"order": ID, "key": "0123456789abcdef", "reason": "why"}
        assert client.get("/day/reopen/", fields).status_code == 403
        assert client.post("/day/reopen/", fields).status_code == 403
        assert client.put("/day/reopen/").status_code == 405
        assert not [asked for asked in services.asked if asked.method == "POST"]

    def test_another_sites_form_is_refused(self, services: Services) -> None:
        browser = Client(enforce_csrf_checks=True, headers={"accept": "text/html"})
        browser.force_login(make_staff("ann", "shop assistants"))
        fields = {"order": ID, "key": "0123456789abcdef", "reason": "why"}
        assert browser.post("/day/reopen/", fields).status_code == 403
        assert services.asked == []

    def test_who_is_not_logged_in_is_led_there_after_the_login(self, client: Client) -> None:
        answer = client.get(f"/day/reopen/?order={ID}")
        assert answer["Location"].endswith("?next=/day/reopen/%3Forder%3D" + ID)
