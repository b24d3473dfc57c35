"""Looking words up in search keys, by regular expressions: right, and slow where there are many rows.

Search keys are words in one spelling, with spaces between them: see `text_indexes`.
"""

import re
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_

from django.apps import apps
from django.db import connections, models

from bookstore_project.replication.nearest_words import first_letters, most_errors, nearest
from bookstore_project.replication.text_indexes import Part, Similar, Term, TextIndex


def holding(index: TextIndex, parts: Sequence[Part]) -> models.Q:
    """That a row may hold all parts, in one column or another; whether it does has to be looked at."""
    return _all(reduce(or_, (_in_any(index.columns, "contains", way) for way in part)) for part in parts)


def first_holding(
    index: TextIndex, parts: Sequence[Part], among: models.QuerySet[models.Model], most: int
) -> list[int]:
    """Primary keys of the first `most` of these rows that may hold all parts."""
    return list(among.filter(holding(index, parts)).order_by("pk").values_list("pk", flat=True)[:most])


def with_words(
    index: TextIndex, terms: Sequence[Term], among: models.QuerySet[models.Model], columns: Sequence[str], most: int
) -> list[int]:
    """Primary keys of the rows that have all terms in these columns, lowest first, and no more than `most`."""
    found = among.filter(_all(_has(columns, term) for term in terms)).order_by("pk").values_list("pk", flat=True)
    return list(found[:most])


def similar(index: TextIndex, word: str, using: str) -> list[Similar]:
    """Words of the index that `word` may be meant for, nearest first: letters missing, too many, wrong or swapped."""
    most = most_errors(word)
    if not most:
        return []
    table = apps.get_model(index.model)._meta.db_table
    texts = " || ' ' || ".join(f'"{column}"' for column in index.columns)
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT term, count(*) FROM "
            f"(SELECT DISTINCT id, regexp_split_to_table({texts}, ' +') AS term FROM \"{table}\") AS words "
            "WHERE left(term, 1) = ANY(%s) AND length(term) >= %s GROUP BY term",
            (first_letters(word), len(word) - most),
        )
        return nearest(word, cursor.fetchall(), most)


def _has(columns: Sequence[str], term: Term) -> models.Q:
    end = "" if term.is_prefix else "( |$)"
    whole = _in_any(columns, "regex", f"(^| ){re.escape(term.text)}{end}")
    for other in term.others:
        whole |= _is_word(columns, other)
    return whole | _all(_is_word(columns, part) for part in term.apart) if term.apart else whole


def _is_word(columns: Sequence[str], word: str) -> models.Q:
    return _in_any(columns, "regex", f"(^| ){re.escape(word)}( |$)")


def _in_any(columns: Sequence[str], lookup: str, value: str) -> models.Q:
    return reduce(or_, (models.Q(**{f"{column}__{lookup}": value}) for column in columns))


def _all(conditions: Iterable[models.Q]) -> models.Q:
    return reduce(models.Q.__and__, conditions, models.Q())
