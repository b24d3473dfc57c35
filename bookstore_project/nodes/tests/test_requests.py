"""What a request carries: who sent it, under which id and key, and how its body comes."""

import io
import json
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import RequestFactory
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from bookstore_project.api import authentication, etags, headers, idempotency
from bookstore_project.api.pagination import Pages
from bookstore_project.api.problems import Invalid, NotFound
from bookstore_project.api.request_id import accept_request_id, current_request_id
from bookstore_project.api.tests.api import PASSWORD, as_node, basic, make_people
from bookstore_project.api.wsgi_bodies import WholeBodies
from bookstore_project.nodes.middleware import RequestMiddleware

# --------------------------------------------------------------------------------------------------- who


def asked(sent: dict[str, str]) -> Request:
    return Request(RequestFactory().get("/", headers=sent))


def basic_user(user: str, password: str) -> str | None:
    found = authentication.BasicAuthentication().authenticate(asked(basic(user, password)))
    return found[0].get_username() if found else None


@pytest.fixture
def people(empty_store: Path) -> None:
    make_people()


def test_a_password_is_hashed_once_and_not_with_every_request(people: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert basic_user("ann", PASSWORD) == "ann"
    monkeypatch.setattr(User, "check_password", lambda *_: pytest.fail("hashed again"))
    assert basic_user("ann", PASSWORD) == "ann"


def test_a_changed_password_takes_effect_at_once(people: None) -> None:
    assert basic_user("ann", PASSWORD) == "ann"
    ann = User.objects.get(username="ann")
    ann.set_password("another one")
    ann.save()
    with pytest.raises(AuthenticationFailed):
        basic_user("ann", PASSWORD)
    assert basic_user("ann", "another one") == "ann"


def test_a_deactivated_account_is_out_at_once(people: None) -> None:
    assert basic_user("ann", PASSWORD) == "ann"
    User.objects.update(is_active=False)
    with pytest.raises(AuthenticationFailed):
        basic_user("ann", PASSWORD)


@pytest.mark.parametrize(
    ("user", "password"), [("ann", "wrong"), ("nobody", PASSWORD), ("ann", ""), ("a\0n", PASSWORD)]
)
def test_wrong_credentials_are_refused(people: None, user: str, password: str) -> None:
    basic_user("ann", PASSWORD)
    with pytest.raises(AuthenticationFailed):
        basic_user(user, password)


def test_a_token_names_its_user(people: None) -> None:
    token = Token.objects.create(user=User.objects.get(username="ann"))
    found = authentication.TokenAuthentication().authenticate(asked({"Authorization": f"Token {token.key}"}))
    assert found is not None
    assert found[0].get_username() == "ann"


def test_the_service_token_makes_a_node_and_the_acting_user_staff() -> None:
    service = authentication.ServiceAuthentication()
    assert service.authenticate(asked({})) is None
    found = service.authenticate(asked(as_node()))
    assert found is not None
    assert (found[0].is_service, found[0].is_staff, found[0].username) == (True, False, "service")
    found = service.authenticate(asked(as_node(**{headers.ACTING_USER: "ann"})))
    assert found is not None
    assert (found[0].is_staff, found[0].get_username()) == (True, "ann")
    for wrong in ("", "x", as_node()[headers.SERVICE_TOKEN] + "x", "é"):
        with pytest.raises(AuthenticationFailed):
            service.authenticate(asked({headers.SERVICE_TOKEN: wrong}))


# ----------------------------------------------------------------------------------------- ids, keys, tags


@pytest.mark.parametrize("sent", ["a", "A-z_0.9:x", "x" * 128])
def test_a_tame_request_id_is_kept(sent: str) -> None:
    assert accept_request_id(sent) == current_request_id() == sent


@pytest.mark.parametrize("sent", [None, "", "x" * 129, "a b", "a\nb", "<script>", "é", "a\n"])
def test_another_request_id_is_replaced(sent: str | None) -> None:
    made = accept_request_id(sent)
    assert uuid.UUID(made)
    assert current_request_id() == made


def test_every_answer_carries_the_request_id() -> None:
    middleware = RequestMiddleware(lambda request: HttpResponse(current_request_id()))
    response = middleware(RequestFactory().get("/", headers={headers.REQUEST_ID: "mine"}))
    assert (response[headers.REQUEST_ID], response.content) == ("mine", b"mine")
    assert response[headers.SERVER_TIMING].startswith("app;dur=")


@pytest.mark.parametrize("key", ["x" * 16, "x" * 255, "7d444840-9dc0-11d1-b245-5ffdce74fad2", "!~" * 8])
def test_a_key_of_visible_characters_is_taken(key: str) -> None:
    assert idempotency.checked_key(key) == key


@pytest.mark.parametrize(
    "key", ["", "x" * 15, "x" * 256, "x" * 15 + " ", "x" * 16 + "\n", "é" * 16, "x" * 16 + "\x7f"]
)
def test_another_key_is_refused(key: str) -> None:
    with pytest.raises(Invalid):
        idempotency.checked_key(key)


def test_no_key_is_no_key() -> None:
    assert idempotency.checked_key(None) is None
    assert idempotency.new_key() != idempotency.new_key()
    assert idempotency.checked_key(idempotency.new_key())


def test_an_order_id_follows_from_the_key_and_the_secret(settings: Any) -> None:
    key = "x" * 16
    mine = idempotency.order_id(key)
    assert mine == idempotency.order_id(key)
    assert mine.version == 4
    assert mine not in (idempotency.order_id("y" * 16), idempotency.id_of("staff", key))
    settings.SECRET_KEY = "another secret"
    assert idempotency.order_id(key) != mine


def test_a_tag_belongs_to_the_bytes() -> None:
    assert etags.etag_of(b"a") == etags.etag_of(b"a") != etags.etag_of(b"b")
    assert etags.etag_of(b"a").startswith('"')


@pytest.mark.parametrize(
    ("header", "matches", "unchanged"),
    [
        ('"t"', True, True),
        ('"x", "t"', True, True),
        ("*", True, True),
        ('W/"t"', False, True),
        ('"x"', False, False),
        ('"x", W/"y"', False, False),
    ],
)
def test_if_match_compares_strongly_and_if_none_match_weakly(header: str, matches: bool, unchanged: bool) -> None:
    assert etags.is_matched(header, '"t"') is matches
    assert etags.is_unchanged(header, '"t"') is unchanged


# -------------------------------------------------------------------------------------------------- bodies


def pass_through(body: bytes, **environ: Any) -> tuple[bytes | None, str, dict[str, Any]]:
    """What the application behind WholeBodies reads (None if it isn't asked), and the status and document instead."""
    seen: list[bytes] = []
    said: list[str] = []

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        seen.append(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        return []

    def start_response(status: str, named: list[tuple[str, str]]) -> None:
        said.append(status)
        assert not {"connection", "content-length"} & {name.lower() for name, _ in named}

    request = {"REQUEST_METHOD": "POST", "PATH_INFO": "/purchase/2", "wsgi.input": io.BytesIO(body), **environ}
    answer = b"".join(WholeBodies(application)(request, start_response))
    return (seen[0] if seen else None), "".join(said), json.loads(answer or b"{}")


def test_a_whole_body_is_passed_on() -> None:
    assert pass_through(b"{}", CONTENT_LENGTH="2")[0] == b"{}"
    assert pass_through(b"{} and what follows", CONTENT_LENGTH="2")[0] == b"{}"
    assert pass_through(b"", CONTENT_LENGTH="")[0] == b""


def test_a_body_that_is_shorter_than_it_says_is_never_executed(caplog: pytest.LogCaptureFixture) -> None:
    seen, status, problem = pass_through(b'{"book": 2}', CONTENT_LENGTH="99")
    assert (seen, status, problem["code"]) == (None, "400 Bad Request", "parse_error")
    (record,) = [record for record in caplog.records if record.name == "bookstore.request"]
    assert record.getMessage().startswith("POST /purchase/2 400")


@pytest.mark.parametrize("coding", ["chunked", "gzip, chunked", "chunked, chunked"])
def test_where_a_server_cannot_tell_whether_a_body_is_whole_it_is_not_read(coding: str) -> None:
    seen, _, problem = pass_through(b"{}", HTTP_TRANSFER_ENCODING=coding)
    assert (seen, problem["code"]) == (None, "parse_error")
    assert "Content-Length" in problem["detail"]


@pytest.mark.parametrize("kind", ["text/plain; charset=idna", "text/plain; x*=nobody''%ff"])
def test_a_body_in_other_letters_than_utf_8_is_not_read_there_either(kind: str) -> None:
    seen, status, problem = pass_through(b"{}", CONTENT_LENGTH="2", CONTENT_TYPE=kind)
    assert (seen, status, problem["code"]) == (None, "415 Unsupported Media Type", "unsupported_media_type")
    assert pass_through(b"", REQUEST_METHOD="GET", CONTENT_TYPE=kind)[0] == b""


# --------------------------------------------------------------------------------------------------- pages


class Rows(list[int]):
    """As much of a QuerySet as a paginator asks of it."""

    ordered = True


def page(query: str, count: int = 45) -> dict[str, Any]:
    request = Request(RequestFactory().get(f"/list/?{query}", headers={"Host": "evil.example"}))
    rows: Any = Rows(range(count))
    pages = Pages()
    found: list[int] = pages.paginate_queryset(rows, request) or []
    told: dict[str, Any] = pages.get_paginated_response([str(row) for row in found]).data
    return told


def test_pages_hold_twenty_unless_told_otherwise() -> None:
    first = page("")
    assert (first["count"], len(first["results"]), first["previous"], first["next"]) == (
        45,
        20,
        None,
        "/list/?page=2",
    )
    last = page("page=3")
    assert (len(last["results"]), last["previous"], last["next"]) == (5, "/list/?page=2", None)


def test_links_keep_the_other_parameters_encoded() -> None:
    assert page("q=a%26b&q=ü&page=2&page_size=10")["next"] == "/list/?q=a%26b&q=%C3%BC&page_size=10&page=3"


def test_an_empty_list_has_one_empty_page() -> None:
    assert page("", 0) == {"count": 0, "next": None, "previous": None, "results": []}
    with pytest.raises(NotFound, match="the last one is 1"):
        page("page=2", 0)
