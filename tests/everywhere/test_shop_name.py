"""Pages of all nodes are of one shop: they have its name, and tell moments in one form."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.utils import formats, timezone
from pytest_django.fixtures import Settings

from bookstore_project.api import routes
from frontend_app.templatetags import moments
from tests.everywhere.conftest import Being

NAME = "Bücher & Mehr"
ESCAPED = "Bücher &amp; Mehr"
PAGES = {
    "front": (
        "/api-auth/login/",
        "/cluster/",
        "/cluster/controls/store/rush/",
        "/api/v1/books/",
        "/nowhere",
        "/basket/",
    ),
    "catalog-1": ("/api-auth/login/", "/admin/", "/admin/catalog_app/book/", "/nowhere"),
    "order-1": ("/api-auth/login/", "/admin/", "/admin/order_app/order/", "/api/v1/orders/"),
}


@pytest.mark.parametrize(("node", "path"), [(node, path) for node, paths in PAGES.items() for path in paths])
def test_every_page_has_the_shops_name(
    being: Being, settings: Settings, monkeypatch: pytest.MonkeyPatch, seven_books: Path, node: str, path: str
) -> None:
    settings.SHOP_NAME, settings.IS_BREAKABLE = NAME, True
    for name in ("site_header", "site_title"):
        monkeypatch.setattr(admin.site, name, "")
    routes.admin_routes()
    with being(node):
        client = Client(headers={"accept": "text/html"})
        if path != "/api-auth/login/":
            client.force_login(User.objects.get(username="root"))
        text = client.get(path, follow=True).content.decode()
    title = text[text.index("<title>") : text.index("</title>")]
    assert ESCAPED in title
    assert ESCAPED in text.replace(title, "") or path == "/nowhere"
    assert "Bookstore" not in text


def test_the_admin_tells_moments_as_the_shop_does(settings: Settings) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    at = datetime(2030, 7, 1, 22, 5, tzinfo=UTC)
    assert formats.localize(timezone.localtime(at)) == "2 Jul 2030, 00:05 CEST" == moments.moment(at.isoformat())
    assert formats.localize(timezone.localdate(at)) == "2 July 2030"
