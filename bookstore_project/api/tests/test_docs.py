"""The schema and its page are for reading, on every node."""

import pytest
from pytest_django.fixtures import Settings

from bookstore_project.api import problem_pages
from bookstore_project.api.tests.api import assert_problem, basic, send

pytestmark = pytest.mark.django_db

PATHS = ("/api/schema/", "/api/schema", "/api/docs/", "/api/docs")


@pytest.fixture(params=["frontend_app.urls", "catalog_app.urls", "order_app.urls"], autouse=True)
def node_routes(request: pytest.FixtureRequest, settings: Settings) -> None:
    settings.ROOT_URLCONF = request.param


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/json"])
def test_any_method_but_get_and_head_is_refused_as_a_problem(path: str, accept: str) -> None:
    for method in ("OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"):
        answer = send(method, path, sent={"Accept": accept})
        if accept == "text/html":
            assert (answer.status_code, answer.headers["Content-Type"]) == (405, problem_pages.CONTENT_TYPE)
        else:
            assert_problem(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", PATHS)
def test_a_refused_login_is_a_problem(path: str) -> None:
    assert_problem(send("GET", path, sent=basic("nobody", "wrong")), 401, "not_authenticated")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_them_is_for_everybody(path: str, method: str) -> None:
    assert send(method, path).status_code == 200
