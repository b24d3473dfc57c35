"""Pages are compressed, data isn't, and the length of a page tells no secret."""

import gzip

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from bookstore_project.api.compression import CompressionMiddleware

PAGE = "<p>" + "a book, " * 500


def answered(accepted: str, content_type: str = "text/html; charset=utf-8", text: str = PAGE) -> HttpResponse:
    made = HttpResponse(text, content_type=content_type, headers={"ETag": '"abc"'})
    request = RequestFactory().get("/", headers={"Accept-Encoding": accepted})
    answer = CompressionMiddleware(lambda _: made)(request)
    assert isinstance(answer, HttpResponse)
    return answer


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip", "gzip;q=0.5", "gzip; q=1.0, identity"])
def test_a_page_is_compressed_for_who_takes_it(accepted: str) -> None:
    answer = answered(accepted)
    assert (answer["Content-Encoding"], answer["Vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(answer.content).decode() == PAGE
    assert answer["Content-Length"] == str(len(answer.content))
    assert answer["ETag"] == 'W/"abc"'


@pytest.mark.parametrize("accepted", ["", "br", "identity", "gzip;q=0", "gzip;q=0.000", "*;q=0", "notgzip"])
def test_it_is_plain_for_who_does_not_and_says_that_it_may_differ(accepted: str) -> None:
    answer = answered(accepted)
    assert ("Content-Encoding" in answer, answer["Vary"]) == (False, "Accept-Encoding")
    assert (answer.content.decode(), answer["ETag"]) == (PAGE, '"abc"')


@pytest.mark.parametrize("content_type", ["application/json", "application/problem+json", "text/plain", "text/csv"])
def test_data_is_sent_as_it_is(content_type: str) -> None:
    answer = answered("gzip", content_type)
    assert (answer.content.decode(), "Vary" in answer, answer["ETag"]) == (PAGE, False, '"abc"')


def test_a_drawn_cover_is_compressed() -> None:
    assert answered("gzip", "image/svg+xml")["Content-Encoding"] == "gzip"


def test_the_length_of_the_same_page_differs_at_random() -> None:
    """Who can have texts put beside a secret, and measure the answers, learns little (Heal the Breach)."""
    assert len({len(answered("gzip").content) for _ in range(50)}) > 5
