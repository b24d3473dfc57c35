"""Looking words up in the text indexes of a file: see `files.text_index`.

What is looked for is always quoted, so that nothing in it is an operator: https://sqlite.org/fts5.html#fts5_strings
"""

from collections.abc import Sequence

from django.db import connections, models
from django.db.models.expressions import RawSQL

from bookstore_project.replication.nearest_words import first_letters, most_errors, nearest
from bookstore_project.replication.sqlite_pair.files.text_index import table_of
from bookstore_project.replication.sqlite_pair.reading import vocabulary
from bookstore_project.replication.text_indexes import Part, Similar, Term, TextIndex

TRIGRAM = 3
"""Characters of the shortest part that an index of parts knows."""


def holding(index: TextIndex, parts: Sequence[Part]) -> models.Q:
    """That a row may hold all parts, in one column or another; whether it does has to be looked at.

    Parts that are too short to be known don't count, nor do those of which one way to write them is.
    """
    match = _grams(parts)
    if not match:
        return models.Q()
    name = table_of(index)
    return models.Q(pk__in=RawSQL(f'SELECT rowid FROM "{name}" WHERE "{name}" MATCH %s', (match,)))


def first_holding(
    index: TextIndex, parts: Sequence[Part], among: models.QuerySet[models.Model], most: int
) -> list[int]:
    """Primary keys of the first `most` of these rows that may hold all parts; those after them aren't looked at."""
    match = _grams(parts)
    if not match:
        return list(among.order_by("pk").values_list("pk", flat=True)[:most])
    return _first(index, match, among, most)


def with_words(
    index: TextIndex, terms: Sequence[Term], among: models.QuerySet[models.Model], columns: Sequence[str], most: int
) -> list[int]:
    """Primary keys of the rows that have all terms in these columns, lowest first, and no more than `most`."""
    match = f"{{{' '.join(map(_quoted, columns))}}} : ({' AND '.join(map(_expression, terms))})"
    return _first(index, match, among, most)


def _first(index: TextIndex, match: str, among: models.QuerySet[models.Model], most: int) -> list[int]:
    """Row by row, as the index gives them: what comes after the last one that is wanted is never found."""
    name = table_of(index)
    this_row = among.filter(pk=RawSQL(f'"{name}".rowid', ())).order_by().values("pk")
    exists, values = this_row.query.sql_with_params()
    with connections[among.db].cursor() as cursor:
        cursor.execute(
            f'SELECT rowid FROM "{name}" WHERE "{name}" MATCH %s AND EXISTS ({exists}) ORDER BY rowid LIMIT %s',
            (match, *values, most),
        )
        return [key for (key,) in cursor.fetchall()]


def similar(index: TextIndex, word: str, using: str) -> list[Similar]:
    """Words of the index that `word` may be meant for, nearest first: letters missing, too many, wrong or swapped.

    The first letter is right (or sounds so), or is missing, or has changed places with the second. A number is
    meant as it stands.
    """
    most = most_errors(word)
    if not most:
        return []
    known: list[tuple[str, int]] = []
    for first in first_letters(word):
        words = vocabulary.beginning_with(first, index, using)
        known += [each for each in zip(words.terms, words.rows, strict=True) if len(each[0]) >= len(word) - most]
    return nearest(word, known, most)


def _grams(parts: Sequence[Part]) -> str:
    """What any row has that holds the parts, as a query; empty if all are too short."""
    known = [part for part in parts if min(map(len, part)) >= TRIGRAM]
    return " AND ".join(f"({' OR '.join(map(_grams_of, part))})" for part in known)


def _grams_of(text: str) -> str:
    grams = {text[at : at + TRIGRAM] for at in range(len(text) - TRIGRAM + 1)}
    return f"({' AND '.join(map(_quoted, sorted(grams)))})"


def _expression(term: Term) -> str:
    ways = [f"{_quoted(term.text)}{' *' if term.is_prefix else ''}", *map(_quoted, term.others)]
    if term.apart:
        ways.append(f"({' AND '.join(map(_quoted, term.apart))})")
    return f"({' OR '.join(ways)})"


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""'))
