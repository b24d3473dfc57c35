"""The cluster page tells the shop's time, and where it came from."""

from django.test import Client
from pytest_django import Settings

from frontend_app.runtime import serving
from frontend_app.tests.support import fakes


def test_the_cluster_page_is_in_the_shops_time_zone(settings: Settings) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"
    with serving(fakes.make_front(fakes.Store())):
        page = Client().get("/cluster/").content.decode()
    assert "All times are those of Asia/Kolkata." in page
    assert "UTC" not in page
    assert "Made by this front, without asking a replica" in page
