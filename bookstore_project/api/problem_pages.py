"""Problems as pages: what went wrong, what a visitor can do next, when to try again.

For whoever prefers a page (a browser); programs get problem documents. A page needs no user, no database, no replica.
"""

from functools import lru_cache
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string

from bookstore_project.api import problems
from bookstore_project.settings import topology

CONTENT_TYPE = "text/html; charset=utf-8"
MOST_KEPT = 256
KINDS = (problems.CONTENT_TYPE, "application/json", "text/html")
"""What an error can be told in; who has no preference gets the first one."""
LONGEST_ACCEPT = 1000
ADVICE = {
    "validation_error": "Nothing was changed. Go back, mend what is named here, and send it again.",
    "parse_error": "Nothing was done. Go back to the page before, and try once more.",
    "not_authenticated": "Log in, and come back.",
    "permission_denied": "Nothing was changed. Go back to the page before, or log in as somebody who may do this.",
    "not_found": "Is the whole address there? What is gone may have another address now: look for it from the start.",
    "method_not_allowed": "Nothing was changed. This address is for something else: go back to the page before.",
    "not_acceptable": "Ask for another kind of answer.",
    "conflict": "Nothing was changed. Go back, load the page again, and see how things are now.",
    "precondition_failed": "Nothing was changed. Go back, load the page again, and see what others have changed.",
    "payload_too_large": "Nothing was changed. Send less at once.",
    "uri_too_long": "Nothing was done. Take a shorter address, with fewer words to search for.",
    "unsupported_media_type": "Nothing was changed. Send the form from its own page.",
    "idempotency_conflict": "Nothing was done this time. Look at what was done before, and begin anew.",
    "headers_too_large": "Nothing was done. Delete this site's cookies in your browser, and load the page again.",
    "internal_error": "This is a mistake of ours, not of yours. If it comes again, tell us the number below.",
    "unavailable": "Nothing was changed.",
    "outcome_unknown": "It may have been done. Send the same page again: however often you do, it is done once.",
    "throttled": "Nothing was changed.",
}
TOLD = {
    "not_authenticated": "This is for people who have an account here.",
    "method_not_allowed": "There is no page at this address, or it takes nothing in this way.",
    "not_acceptable": "There is no page of this, only data.",
    "payload_too_large": "What was sent is more than is taken here at once.",
    "uri_too_long": "This address is longer than any of a page here.",
    "unsupported_media_type": "What was sent isn’t in a form that is read here.",
    "idempotency_conflict": "This form was sent before, with something else in it.",
    "headers_too_large": "Your browser sends more with each page than is taken here.",
}
"""What has happened, for people: of kinds of problems whose own sentences are for programs."""
TOLD_AT_THE_FRONT = {
    "unavailable": "The shop can’t look this up just now. Your basket and your orders are kept.",
    "outcome_unknown": "The answer was lost on its way.",
    "internal_error": "The shop couldn’t finish this. Your basket and your orders are kept.",
}
"""Where customers are: at a replica, staff reads what is wrong with it."""
HEADINGS = {
    "not_authenticated": "Log in first",
    "validation_error": "Something in it is wrong",
    "parse_error": "This can’t be read",
    "method_not_allowed": "This can’t be done here",
    "conflict": "It has changed meanwhile",
    "precondition_failed": "It has changed meanwhile",
    "payload_too_large": "This is too much at once",
    "unsupported_media_type": "This can’t be read",
    "idempotency_conflict": "Something else was done with this form",
    "headers_too_large": "The cookies are too large",
    "throttled": "One moment, please",
    "internal_error": "Something went wrong here",
    "unavailable": "Not available just now",
    "outcome_unknown": "It isn’t known yet whether it was done",
}
"""For people, of kinds of problems whose titles are words for programs."""
_PLACE_OF_ID = "{request id}"


def is_wanted(accept: str) -> bool:
    """Whether the client prefers a page, by its Accept header (RFC 9110, 12.5.1); nonsense is no preference."""
    if "text/" not in accept[:LONGEST_ACCEPT]:
        return False
    request = HttpRequest()
    request.META["HTTP_ACCEPT"] = accept[:LONGEST_ACCEPT]
    try:
        return request.get_preferred_type(KINDS) == "text/html"
    except (LookupError, ValueError):  # A parameter in a character set that nobody knows (RFC 2231).
        return False


def retry_in_words(wait_s: int | None) -> str:
    """`Try again in 2 minutes.`; empty if that isn't known."""
    if wait_s is None:
        return ""
    if wait_s <= 1:
        return "Try again in a second."
    return f"Try again in {wait_s} seconds." if wait_s < 120 else f"Try again in {-(-wait_s // 60)} minutes."


def advice(code: str, wait_s: int | None = None) -> str:
    """What to do next, in a sentence or two."""
    return " ".join(filter(None, (ADVICE.get(code, "Nothing was changed."), retry_in_words(wait_s))))


def told(code: str, detail: str) -> str:
    """The sentence of a problem as a page says it."""
    if serves_front() and code in TOLD_AT_THE_FRONT:
        return TOLD_AT_THE_FRONT[code]
    return TOLD.get(code, detail)


def told_of(error: problems.StoreError) -> str:
    """The same of an error, which may have words of its own for people."""
    return error.told or told(error.code, error.detail)


def wait_of(code: str) -> int | None:
    """What Retry-After says with a problem of that kind, where nothing else is known."""
    status, _ = problems.TITLES.get(code, (None, ""))
    return problems.RETRY_AFTER_S if status == HTTPStatus.SERVICE_UNAVAILABLE else None


def page(code: str, sentence: str, request_id: str, wait_s: int | None = None, *, may_reload: bool = False) -> str:
    """The page, as HTML, with that sentence as it is: see `told`. Fit for an event loop: each is made once.

    `may_reload`: whether it offers to ask for the same page once more.
    """
    node = topology.NODE.name if topology.NODE else ""
    made = _made(code, sentence, wait_s, node, serves_front(), settings.SHOP_NAME, may_reload)
    return made.replace(_PLACE_OF_ID, request_id)


@lru_cache(maxsize=MOST_KEPT)
def _made(
    code: str, sentence: str, wait_s: int | None, node: str, is_of_shop: bool, shop_name: str, may_reload: bool
) -> str:
    template = "shop/problem.html" if is_of_shop else "api/problem.html"
    problem = {
        "code": code,
        "title": HEADINGS.get(code, problems.TITLES[code][1]),
        "detail": sentence,
        "advice": advice(code, wait_s),
        "request_id": _PLACE_OF_ID,
        "may_reload": may_reload,
    }
    return render_to_string(template, {"problem": problem, "shop": {"name": shop_name}, "node": node})


def serves_front() -> bool:
    """Whether the routes of this process are a front's."""
    if settings.ROOT_URLCONF == "bookstore_project.urls":
        return topology.NODE is None or topology.NODE.service == topology.FRONT
    return str(settings.ROOT_URLCONF).startswith("frontend_app")
