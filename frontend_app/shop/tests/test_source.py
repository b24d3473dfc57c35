"""Each page says where its data came from."""

import re

import pytest
from django.test import Client

from frontend_app.shop.tests.visits import put

SOURCE = re.compile(r'<p class="source"><small>(.*?), in [0-9]+\.[0-9] ms\.</small>')


def source_of(client: Client, path: str) -> str:
    (found,) = SOURCE.findall(client.get(path).content.decode())
    return str(found)


def test_a_book_comes_from_a_replica_and_then_from_the_cache(client: Client) -> None:
    assert re.fullmatch("Fetched from catalog-[12] and kept in the cache", source_of(client, "/books/1/"))
    assert source_of(client, "/books/1/") == "From this front's cache"


@pytest.mark.parametrize("path", ["/basket/", "/orders/", "/orders/9b2c1e1c-98a3-4d57-8f0e-9f3a6f0c1d2e/"])
def test_every_page_says_which_replicas_it_asked(client: Client, path: str) -> None:
    told = source_of(client, path)
    assert re.fullmatch("Made by this front, without asking a replica|Read at (order|catalog)-.*", told)


def test_a_page_of_several_answers_says_so_too(client: Client) -> None:
    put(client, 1)
    put(client, 2)
    assert source_of(client, "/basket/") == "From this front's cache"
    assert re.fullmatch("Read at catalog-[12](, .*)?", source_of(client, "/books/77/"))
