"""What a page says once."""

from django.contrib.messages import SUCCESS, WARNING
from django.http import HttpResponse
from django.test import RequestFactory

from bookstore_project.api.message_cookies import NodeCookieStorage


def storage(cookie: str = "") -> NodeCookieStorage:
    request = RequestFactory().get("/")
    if cookie:
        request.COOKIES[NodeCookieStorage.cookie_name] = cookie
    return NodeCookieStorage(request)


def test_what_both_requests_of_a_double_click_say_is_told_once() -> None:
    first = storage()
    first.add(SUCCESS, "It is done.")
    first.update(answer := HttpResponse())
    second = storage(answer.cookies[NodeCookieStorage.cookie_name].value)
    second.add(SUCCESS, "It is done.")
    second.add(WARNING, "It is done.")
    second.add(SUCCESS, "So is that.")
    second.add(SUCCESS, "So is that.")
    told = [(message.level, message.message) for message in second]
    assert told == [(SUCCESS, "It is done."), (WARNING, "It is done."), (SUCCESS, "So is that.")]


def test_what_is_not_shown_yet_stays_though_it_is_said_again() -> None:
    first = storage()
    first.add(SUCCESS, "It is done.")
    first.update(answer := HttpResponse())
    cookie = answer.cookies[NodeCookieStorage.cookie_name].value
    again = storage(cookie)
    again.add(SUCCESS, "It is done.")
    again.update(unchanged := HttpResponse())
    assert not unchanged.cookies
    assert [message.message for message in storage(cookie)] == ["It is done."]
