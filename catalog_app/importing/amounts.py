"""Prices and counts as people and programs write them, where that can be read in one way only.

Separators of thousands and decimals differ between countries (CLDR, https://cldr.unicode.org/): `1,234` is a thousand
and something to some, one and something to others, and nothing in a cell says which.
"""

import re
from dataclasses import dataclass

from catalog_app.importing.errors import Unreadable

_CODES = (
    "AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HRK HUF IDR ILS INR ISK JPY KRW MAD MXN MYR NOK "
    "NZD PEN PHP PKR PLN RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD UYU VND ZAR"
)
_SIGNS = {
    **{"$": "$", "€": "EUR", "£": "GBP", "¥": "¥", "₹": "INR", "₽": "RUB", "₺": "TRY", "₩": "KRW", "₪": "ILS"},
    **{"₴": "UAH", "฿": "THB", "₫": "VND", "US$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD"},
    **{"NZ$": "NZD", "HK$": "HKD", "R$": "BRL", "kr": "kr", "kr.": "kr", "Kč": "CZK", "zł": "PLN", "Ft": "HUF"},
    **{"lei": "RON", "Fr": "CHF", "Fr.": "CHF", "SFr": "CHF", "SFr.": "CHF", "sFr.": "CHF", "Rs": "Rs", "Rs.": "Rs"},
    **{"euro": "EUR", "euros": "EUR", "dollars": "$", "francs": "CHF", "руб.": "RUB", "лв": "BGN", "R": "ZAR"},
}
"""What stands beside an amount for a currency; `$` and `kr` are several."""
CURRENCIES = {name.casefold(): code for name, code in {**_SIGNS, **{code: code for code in _CODES.split()}}.items()}
CURRENCY = "|".join(re.escape(name) for name in sorted(CURRENCIES, key=len, reverse=True))
"""For a regular expression that ignores case."""

_UNITS = "pcs?|pieces?|copies|copy|units?|ex|expl|exemplare?|exemplaires?|stk|st|stück|uds?|unidades|pz|in stock"
_SPACE = "[ \u00a0\u2007\u2009\u202f]"
_APOSTROPHES = "['’]"
_MINUS = str.maketrans({"−": "-", "–": "-", "—": "-", "\u2009": " ", "\u00a0": " ", "\u202f": " ", "\u2007": " "})
_AMOUNT = re.compile(
    rf"(?P<minus>-)?\s*(?:(?P<before>{CURRENCY})\s*)?(?P<inner_minus>-)?\s*"
    rf"(?P<number>[0-9.,][0-9.,'’ ]*?)\s*(?P<dash>[.,]-+)?(?P<after_minus>-)?\s*(?P<after>{CURRENCY})?",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"(?P<whole>[0-9]{1,4})\s*(?P<sign>€|£|\$)\s*(?P<cents>[0-9]{2})")
_COUNT = re.compile(rf"(?P<number>.*?[0-9])\s*(?:{_UNITS})\.?", re.IGNORECASE)
_INDIAN = re.compile("[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}(?P<rest>\\.[0-9]*)?")
PRICE_PLACES = 2
_GROUP = 3


@dataclass(frozen=True)
class Price:
    """An amount with a decimal point alone, and the currency that stood beside it, if any did."""

    amount: str
    currency: str = ""


def read_price(text: str) -> Price:
    """`$1,234.50`, `1.234,50 €`, `CHF 1'234.50`, `99,-`; raises Unreadable for what may be two, or is none."""
    if between := _BETWEEN.fullmatch(text):
        return Price(f"{between['whole']}.{between['cents']}", CURRENCIES[between["sign"]])
    inner = text.translate(_MINUS).strip()
    in_brackets = re.fullmatch(r"\((.*)\)", inner)  # Accountants' minus.
    match = _AMOUNT.fullmatch(in_brackets[1].strip() if in_brackets else inner)
    if match is None or (match["before"] and match["after"]):
        raise Unreadable("not a price")
    number = _plain(match["number"], "price")
    whole, point, places = number.partition(".")
    if point and len(places) > PRICE_PLACES:
        if places[PRICE_PLACES:].strip("0"):
            raise Unreadable(f"a price has at most {PRICE_PLACES} decimals")
        number = f"{whole}.{places[:PRICE_PLACES]}"
    is_negative = in_brackets or match["minus"] or match["inner_minus"] or match["after_minus"]
    currency = CURRENCIES.get((match["before"] or match["after"] or "").casefold(), "")
    return Price(f"-{number}" if is_negative else number, currency)


def read_count(text: str) -> str:
    """`12`, `3,0`, `1 200` or `5 pcs` as digits; raises Unreadable for what may be two numbers, or isn't whole."""
    inner = text.translate(_MINUS).strip().removeprefix("+")
    if with_unit := _COUNT.fullmatch(inner):
        inner = with_unit["number"]
    sign = "-" if inner.startswith("-") else ""
    inner = inner.removeprefix("-").strip()
    if not re.fullmatch("[0-9.,'’ ]+", inner):
        raise Unreadable("not a number of copies")
    whole, point, places = _plain(inner, "number of copies").partition(".")
    if point and places.strip("0"):
        raise Unreadable("copies are whole")
    return sign + whole


def _plain(number: str, what: str) -> str:
    """Digits with a decimal point at most. The cases go by how many separators there are of which kind."""
    if number.isdecimal():
        return number
    bare = _without_groups(number)
    if bare is not None:
        number = bare
    marks = "".join(dict.fromkeys(re.findall("[.,]", number)))
    if re.search("['’ ]", number) or number.strip(".,") == "" or len(marks) > len(".,"):
        raise Unreadable(f"not a {what}")
    if not marks:
        return number
    if _INDIAN.fullmatch(number):
        return number.replace(",", "")
    if len(marks) == len(".,"):
        return _with_both(number, thousands=marks[0], decimal=marks[1], what=what)
    if number.count(marks) > 1:
        return _grouped(number, marks, what)
    return _with_one(number, marks, what, is_whole_grouped=bare is not None)


def _without_groups(number: str) -> str | None:
    """Without spaces or apostrophes between thousands; None if there are none, or not between thousands."""
    whole = re.match("[^.,]*", number)
    assert whole is not None
    for mark in (_SPACE, _APOSTROPHES):
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


def _with_one(number: str, mark: str, what: str, *, is_whole_grouped: bool) -> str:
    whole, _, places = number.partition(mark)
    may_group = re.fullmatch(rf"[1-9][0-9]{{0,{_GROUP - 1}}}", whole) and len(places) == _GROUP
    if may_group and not is_whole_grouped:
        raise Unreadable(f"may be {whole}{places} or {whole}.{places}")
    return f"{whole or '0'}.{places}" if places else whole
