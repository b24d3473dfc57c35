"""Prices and counts as people and programs write them, where that can be read in one way only.

Separators of thousands and decimals differ between countries (CLDR, https://cldr.unicode.org/): `1,234` is a thousand
and something to some, one and something to others, and nothing in a cell says which.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from catalog_app.importing.currencies import ANY_CURRENCY, CURRENCIES, agreed
from catalog_app.importing.digits import DECIMAL, in_ascii
from catalog_app.importing.errors import Unreadable

_UNITS = (
    r"x|×|ea|each|pcs?|pieces?|copies|copy|units?|items?|books?|vols?|volumes?|ex|expl|exemplare?|exemplaires?|"
    r"stk|st|stück|stuks|uds?|unidades|ejemplar(?:es)?|livres?|libros?|libri|boeken|bücher|copie|pz|pezzi|szt|kpl|ks|"
    r"(?:in|en|auf|op|em|på) (?:stock|lager|voorraad|existencias?|magazzino|estoque)|available|avail|left|on hand|"
    r"verfügbar|vorrätig|lieferbar|disponib(?:les?|ili)|disponíve(?:l|is)|beschikbaar|lagernd|"
    r"本|冊|册|部|点|件|個|个"
)
_BEFORE_COUNT = (
    r"x|×|only|nur|qty|quantity|stock|copies|available|in stock|on hand|bestand|menge|anzahl|auf lager|verfügbar|"
    r"quantité|en stock|cantidad|existencias|voorraad|op voorraad|quantità|quantidade"
)
_SPACE = "[ \u00a0\u2007\u2009\u202f]"
_AMOUNT = re.compile(
    rf"(?P<sign>[-+])?\s*(?P<before>(?:(?:{ANY_CURRENCY})\s*){{0,3}})(?P<inner_sign>[-+])?\s*"
    rf"(?P<number>[0-9.,{DECIMAL}][0-9.,{DECIMAL}' ]*?)\s*(?P<dash>[.,:]-+|/-+)?(?P<after_minus>-)?"
    rf"\s*(?P<after>(?:(?:{ANY_CURRENCY})\s*){{0,3}})",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"(?P<whole>[0-9]{1,4})\s*(?P<sign>€|£|\$)\s*(?P<cents>[0-9]{2})")
_COLON = re.compile(
    rf"(?P<before>(?:{ANY_CURRENCY})\s*)?(?P<whole>[0-9]+):(?P<cents>[0-9]{{2}})\s*(?P<after>{ANY_CURRENCY})?",
    re.IGNORECASE,
)
_COLON_CURRENCIES = frozenset(("SEK", "NOK", "DKK", "kr"))
"""Of those who write `99:50`; it is a time of day without their currency beside it."""
_COUNT = re.compile(
    rf"(?:(?:{_BEFORE_COUNT})(?![^\W\d_])\s*[:=]?\s*)?\(?(?P<number>[-+]?[0-9][0-9.,{DECIMAL}' ]*?)"
    rf"(?:\s*\(?(?:{_UNITS})(?![^\W\d_])\.?)*\)?",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"\(\s*[0-9][^a-z]*\)", re.IGNORECASE)
"""A number alone: accountants mean one below zero by it."""
_INDIAN = re.compile("[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}(?P<rest>\\.[0-9]*)?")
_FOR_GERMANY = re.compile(r"\s*[(\[]D[)\]]$")
"""Beside prices of German publishers, of which each country has its own."""
_REMARK = re.compile(
    r"\s*\(?\s*(?:(?:inkl|incl?|including)\.? ?(?:der )?(?:mwst|ust|vat|gst|tax|btw|tva)\.?|ttc|tvac|iva incl\w*\.?|"
    r"each|ea\.?|(?:per|pro|/) ?(?:stk\.?|stück|pcs?\.?|piece|copy))\s*\)?$",
    re.IGNORECASE,
)
"""That it is with tax, or of one copy, as each price is."""
PRICE_PLACES = 2
REMEMBERED, REMEMBERED_LENGTH = 1000, 40
"""Cells that were read before are many of a file's; of longer ones none."""
_GROUP = 3


@dataclass(frozen=True)
class Price:
    """An amount with a decimal point alone, and the currency that stood beside it, if any did."""

    amount: str
    currency: str = ""


def read_price(text: str) -> Price:
    """`$1,234.50`, `1.234,50 €`, `CHF 1'234.50`, `99,-`; raises Unreadable for what may be two, or is none."""
    return (_price_of if len(text) <= REMEMBERED_LENGTH else _price_of.__wrapped__)(text)


@lru_cache(REMEMBERED)
def _price_of(text: str) -> Price:
    inner = _REMARK.sub("", _FOR_GERMANY.sub("", in_ascii(text)))
    if between := _BETWEEN.fullmatch(inner):
        return Price(f"{between['whole']}.{between['cents']}", CURRENCIES[between["sign"]])
    if colon := _COLON.fullmatch(inner):
        return _with_colon(colon)
    in_brackets = re.fullmatch(r"\((.*)\)", inner)  # Accountants' minus.
    match = _AMOUNT.fullmatch(in_brackets[1].strip() if in_brackets else inner)
    if match is None or (match["sign"] and match["inner_sign"]):
        raise Unreadable("not a price")
    currency = agreed(f"{match['before']} {match['after']}")
    number = _plain(match["number"].strip(), "price", is_whole=currency in ("JPY", "KRW", "VND", "CLP"))
    whole, point, places = number.partition(".")
    if point and len(places) > PRICE_PLACES:
        if places[PRICE_PLACES:].strip("0"):
            raise Unreadable(f"a price has at most {PRICE_PLACES} decimals")
        number = f"{whole}.{places[:PRICE_PLACES]}"
    is_negative = in_brackets or "-" in (match["sign"], match["inner_sign"]) or match["after_minus"]
    return Price(f"-{number}" if is_negative else number, currency)


def _with_colon(match: re.Match[str]) -> Price:
    currency = agreed(f"{match['before'] or ''} {match['after'] or ''}")
    if currency not in _COLON_CURRENCIES:
        raise Unreadable("not a price")
    return Price(f"{match['whole']}.{match['cents']}", currency)


def read_count(text: str) -> str:
    """`12`, `3,0`, `1 200` or `5 pcs` as digits; raises Unreadable for what may be two numbers, or isn't whole."""
    return (_count_of if len(text) <= REMEMBERED_LENGTH else _count_of.__wrapped__)(text)


@lru_cache(REMEMBERED)
def _count_of(text: str) -> str:
    inner = in_ascii(text)
    match = _COUNT.fullmatch(inner)
    if match is None or inner.count("(") != inner.count(")"):
        raise Unreadable("not a number of copies")
    if _BRACKETED.fullmatch(inner):
        raise Unreadable(f"may be {match['number']} or -{match['number']}")
    inner = match["number"]
    sign = "-" if inner.startswith("-") else ""
    whole, point, places = _plain(inner.lstrip("-+"), "number of copies").partition(".")
    if point and places.strip("0"):
        raise Unreadable("copies are whole")
    return sign + whole


def _plain(number: str, what: str, *, is_whole: bool = False) -> str:
    """Digits with a decimal point at most. The cases go by how many separators there are of which kind.

    With `is_whole` there is nothing that a decimal point could be for.
    """
    if number.isdecimal():
        return number
    bare = _without_groups(number)
    if bare is not None:
        number = bare
    if DECIMAL in number:
        whole, _, places = number.partition(DECIMAL)
        if not f"{whole}{places}".isdecimal():
            raise Unreadable(f"not a {what}")
        return f"{whole or '0'}.{places}"
    marks = "".join(dict.fromkeys(re.findall("[.,]", number)))
    if re.search("[' ]", number) or number.strip(".,") == "" or len(marks) > len(".,"):
        raise Unreadable(f"not a {what}")
    if not marks:
        return number
    if _INDIAN.fullmatch(number):
        return number.replace(",", "")
    if len(marks) == len(".,"):
        return _with_both(number, thousands=marks[0], decimal=marks[1], what=what)
    if number.count(marks) > 1:
        return _grouped(number, marks, what)
    return _with_one(number, marks, what, is_whole_grouped=bare is not None, is_whole=is_whole)


def _without_groups(number: str) -> str | None:
    """Without spaces or apostrophes between thousands; None if there are none, or not between thousands."""
    whole = re.match(f"[^.,{DECIMAL}]*", number)
    assert whole is not None
    for mark in (_SPACE, "'"):
        if re.fullmatch(rf"[0-9]{{1,{_GROUP}}}(?:{mark}[0-9]{{{_GROUP}}})+", whole[0]):
            return re.sub(mark, "", whole[0]) + number[whole.end() :]
    return None


def _with_both(number: str, *, thousands: str, decimal: str, what: str) -> str:
    whole, _, places = number.rpartition(decimal)
    if decimal in whole or not places.isdecimal():
        raise Unreadable(f"not a {what}")
    return f"{_grouped(whole, thousands, what)}.{places}"


def _grouped(number: str, mark: str, what: str) -> str:
    if not re.fullmatch(rf"[0-9]{{1,{_GROUP}}}(?:\{mark}[0-9]{{{_GROUP}}})+", number):
        raise Unreadable(f"not a {what}")
    return number.replace(mark, "")


def _with_one(number: str, mark: str, what: str, *, is_whole_grouped: bool, is_whole: bool) -> str:
    whole, _, places = number.partition(mark)
    may_group = re.fullmatch(rf"[1-9][0-9]{{0,{_GROUP - 1}}}", whole) and len(places) == _GROUP
    if may_group and is_whole:
        return whole + places
    if may_group and not is_whole_grouped:
        raise Unreadable(f"may be {whole}{places} or {whole}.{places}")
    return f"{whole or '0'}.{places}" if places else whole
