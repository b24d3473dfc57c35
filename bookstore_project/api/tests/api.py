"""A client of one node's routes, and what every refusal has to look like."""

import base64
import json
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client

from bookstore_project.api import headers, problems

PASSWORD = "correct horse battery"
JSON = "application/json"


def make_staff(name: str, *groups: str, password: str | None = PASSWORD) -> User:
    """A member of staff, and of those groups."""
    user = User.objects.create_user(name, password=password, is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    assert user.groups.count() == len(groups)
    return user


def make_people() -> None:
    """`ann` is a shop assistant, `bob` isn't of staff, `root` may do everything; all with the same password."""
    make_staff("ann", "shop assistants")
    User.objects.create_user("bob", password=PASSWORD)
    User.objects.create_superuser("root", password=PASSWORD)


def basic(user: str, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def as_node(**more: str) -> dict[str, str]:
    return {headers.SERVICE_TOKEN: settings.SERVICE_TOKEN, **more}


def new_client() -> Client:
    """A defect comes out as the 500 that a visitor would get."""
    return Client(raise_request_exception=False, enforce_csrf_checks=True)


def send(
    method: str,
    path: str,
    body: Any = None,
    *,
    as_user: str = "",
    content_type: str = JSON,
    sent: dict[str, str] | None = None,
) -> Any:
    """One request; `body` is sent as it is if bytes, else as JSON."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    every = (basic(as_user) if as_user else {}) | (sent or {})
    return new_client().generic(method, path, raw, content_type=content_type, headers=every)


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """RFC 9457, with the members that the store promises; gives back the document."""
    assert response.status_code == status, response.content[:300]
    assert response.headers["Content-Type"] == problems.CONTENT_TYPE
    document: dict[str, Any] = json.loads(response.content)
    assert (document["status"], document["code"]) == (status, code), document
    assert {"type", "title", "detail", "request_id"} <= document.keys()
    assert document["detail"].strip(), "a sentence that helps"
    assert document["request_id"] == response.headers[headers.REQUEST_ID]
    assert ("errors" in document) is (code == "validation_error")
    assert ("Retry-After" in response.headers) is (status in (429, 503))
    return document
