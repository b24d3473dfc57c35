"""Moments, as the API tells them, in words: in the shop's time zone."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.dateformat import format as format_date

from bookstore_project.api.formats.en.formats import DATETIME_FORMAT

register = template.Library()


@register.filter
def clock(at: str) -> str:
    """The time of day of an RFC 3339 timestamp, to the second; what is none is shown as it is."""
    return _shown(at, "H:i:s")


@register.filter
def moment(at: str) -> str:
    """`29 Nov 2026, 21:04 CET` of an RFC 3339 timestamp."""
    return _shown(at, DATETIME_FORMAT)


def _shown(at: str, form: str) -> str:
    try:
        return format_date(timezone.localtime(datetime.fromisoformat(at)), form)
    except ValueError:
        return at
