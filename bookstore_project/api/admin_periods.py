"""Lists of the admin by year, month or day, in the place of `date_hierarchy`.

That one asks for the date of every row, to offer only dates that have some, and compares the month of every row. With
a million rows both take seconds. Here all dates between the first and the last row are offered, and each is a range.
"""

import calendar
import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from bookstore_project.api.query_parameters import EARLIEST, LATEST

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

_PERIOD = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)


class PeriodFilter(SimpleListFilter):
    """Rows of a year (`?when=2026`), of one of its months (`2026-11`) or days, in the zone of the page."""

    title = "when"
    parameter_name = "when"
    moment = "created_at"
    """The column that says when a row's time was."""
    in_time = "created_at"
    """An index by which rows stand in the order of their times: the column itself, or a number that only grows."""

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        moments = model_admin.get_queryset(request).order_by(self.in_time).values_list(self.moment, flat=True)
        first, last = moments.first(), moments.last()
        if first is None or last is None:
            return []
        return list(self._offered(timezone.localtime(first).date(), timezone.localtime(last).date()))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self._chosen()
        if not chosen:
            return queryset
        begins, ends = _days_of(*chosen)
        return queryset.filter(**{f"{self.moment}__gte": _midnight(begins), f"{self.moment}__lt": _midnight(ends)})

    def _chosen(self) -> tuple[int, ...]:
        """Year, month and day, as many as there are."""
        value = self.value()
        if value is None:
            return ()
        found = _PERIOD.fullmatch(value)
        try:
            parts = tuple(int(part) for part in found.groups() if part) if found else ()
            if parts and EARLIEST <= parts[0] <= LATEST and date(*(*parts, 1, 1)[:3]):
                return parts
        except ValueError:
            pass
        raise IncorrectLookupParameters(f"{value[:40]} is no year, month or day")

    def _offered(self, first: date, last: date) -> Iterator[tuple[str, str]]:
        """Each year; of the chosen one, or the only one, the months; of the chosen month, the days."""
        year, month = (*self._chosen(), 0, 0)[:2]
        if first.year == last.year:
            year = first.year
        for each in range(first.year, last.year + 1):
            yield f"{each}", f"{each}"
            if each == year:
                yield from self._months(year, month, first, last)

    def _months(self, year: int, month: int, first: date, last: date) -> Iterator[tuple[str, str]]:
        for each in range(1, 13):
            if (first.year, first.month) <= (year, each) <= (last.year, last.month):
                yield f"{year}-{each:02}", f"{calendar.month_name[each]} {year}"
                if each == month:
                    days = range(1, calendar.monthrange(year, month)[1] + 1)
                    dates = (date(year, month, day) for day in days)
                    yield from ((str(day), str(day)) for day in dates if first <= day <= last)


def _days_of(year: int, month: int = 0, day: int = 0) -> tuple[date, date]:
    """The first day of a period, and the first one after it."""
    if day:
        return date(year, month, day), date(year, month, day) + timedelta(days=1)
    if month:
        return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
    return date(year, 1, 1), date(year + 1, 1, 1)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
