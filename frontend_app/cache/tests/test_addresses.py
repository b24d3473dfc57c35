"""Which addresses the event loop looks up in the cache, by the resources that are declared."""

import pytest

from bookstore_project.api.cached_resources import BOOK, TOPIC, TOPICS, CachedResource
from frontend_app.cache.addresses import Cacheable, CacheableAddresses
from frontend_app.cache.keys import Key

NOTE = CachedResource("note", ("n.tes/<str:word>/all",), model="notes.Note", column="word", longest=5)
ADDRESSES = CacheableAddresses([BOOK, NOTE, TOPIC, TOPICS])


def same(key: str) -> Key:
    return Key(key, key)


@pytest.mark.parametrize(
    ("path", "query", "found"),
    [
        ("/api/v1/books/7", "", Cacheable(same("book:7"), BOOK.routes[0])),
        ("/product/7/", "", Cacheable(same("book:7"), BOOK.routes[1])),
        ("/info/7", "", Cacheable(same("book:7"), BOOK.routes[2])),
        ("/search/a topic", "page=2", Cacheable(Key("page:2::topic:a topic", "topic:a topic"), TOPIC.routes[0])),
        ("/search/a  topic/", "", Cacheable(same("topic:a topic"), TOPIC.routes[0])),
        ("/api/v1/topics", "", Cacheable(same("topics:"), TOPICS.routes[0])),
        ("/api/v1/topics/", "page_size=100", Cacheable(Key("page::100:topics:", "topics:"), TOPICS.routes[0])),
        ("/n.tes/abc/all/", "", Cacheable(same("note:abc"), NOTE.routes[0])),
    ],
)
def test_an_address_leads_to_its_key(path: str, query: str, found: Cacheable) -> None:
    assert ADDRESSES.find(path, query) == found


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/v1/books/", ""),
        ("/api/v1/books/07", ""),
        ("/api/v1/books/7", "page=2"),
        ("/api/v1/books/7/restock", ""),
        ("/product/x", ""),
        ("/api/v1/topics/x", ""),
        ("/api/v1/topics/", "format=json"),
        ("/search/a/b", ""),
        ("/search/..", ""),
        ("/search/" + "x" * 201, ""),
        ("/search/a", "page=x"),
        ("/nxtes/abc/all", ""),
        ("/n.tes/abcdef/all", ""),
        ("/n.tes/abc/all", "page=1"),
        ("//search/a", ""),
    ],
)
def test_what_is_no_plain_read_is_left_to_django(path: str, query: str) -> None:
    assert ADDRESSES.find(path, query) is None


def test_without_resources_there_is_nothing_to_find() -> None:
    assert CacheableAddresses([]).find("/product/7", "") is None
