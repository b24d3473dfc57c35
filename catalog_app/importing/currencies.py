"""What stands beside an amount for a currency: codes (ISO 4217), signs, and the words of those who use it."""

import re
from collections.abc import Iterable

from catalog_app.importing.errors import Unreadable

_CODES = (
    "AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HRK HUF IDR ILS INR ISK JPY KRW MAD MXN MYR NOK "
    "NZD PEN PHP PKR PLN RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD UYU VND ZAR"
)
_DOLLARS = {"US": "USD", "U.S.": "USD", "CA": "CAD", "C": "CAD", "AU": "AUD", "A": "AUD", "NZ": "NZD", "HK": "HKD"}
_SIGNS = {
    **{"$": "$", "€": "EUR", "£": "GBP", "¥": "¥", "₹": "INR", "₽": "RUB", "₺": "TRY", "₩": "KRW", "₪": "ILS"},
    **{"₴": "UAH", "฿": "THB", "₫": "VND", "R$": "BRL", "S$": "SGD", "NT$": "TWD", "kr": "kr", "kr.": "kr"},
    **{f"{land}{between}$": code for land, code in _DOLLARS.items() for between in ("", " ", "-")},
    **{f"${between}{land}": code for land, code in _DOLLARS.items() for between in ("", " ") if len(land) > 1},
    **{"Kč": "CZK", "zł": "PLN", "Ft": "HUF", "lei": "RON", "Fr": "CHF", "Fr.": "CHF", "SFr": "CHF", "SFr.": "CHF"},
    **{"sFr.": "CHF", "Rs": "Rs", "Rs.": "Rs", "euro": "EUR", "euros": "EUR", "dollars": "$", "francs": "CHF"},
    **{"руб.": "RUB", "лв": "BGN", "R": "ZAR", "円": "JPY", "元": "CNY", "원": "KRW"},
}
CURRENCIES = {name.casefold(): code for name, code in {**_SIGNS, **{code: code for code in _CODES.split()}}.items()}
ANY_CURRENCY = "|".join(re.escape(name) for name in sorted(CURRENCIES, key=len, reverse=True))
"""For a regular expression that ignores case."""

_SEVERAL = {
    "$": frozenset(("ARS", "AUD", "CAD", "CLP", "COP", "HKD", "MXN", "NZD", "SGD", "TWD", "USD", "UYU")),
    "kr": frozenset(("DKK", "ISK", "NOK", "SEK")),
    "¥": frozenset(("CNY", "JPY")),
    "Rs": frozenset(("INR", "PKR")),
}
"""Signs of several currencies."""
_ONE = re.compile(ANY_CURRENCY, re.IGNORECASE)
_CODE = re.compile("[A-Z]{3}")


def currency_named(text: str) -> str:
    """Which currency a cell names that holds nothing else; empty if it names none. Of codes any will do."""
    return CURRENCIES.get(text.casefold(), text if _CODE.fullmatch(text) else "")


def agreed(text: str) -> str:
    """The currency that `text` names, perhaps twice, as in `$ USD`; raises Unreadable if it names two."""
    return common(CURRENCIES[name.casefold()] for name in _ONE.findall(text))


def common(names: Iterable[str]) -> str:
    """What these are together: `$` and USD are USD; raises Unreadable if no currency is all of them."""
    told = list(dict.fromkeys(filter(None, names)))
    meant = [name for name in told if name not in _SEVERAL]
    if len(told) - len(meant) > 1 or len(meant) > 1:
        raise Unreadable(f"{' and '.join(told)} contradict one another")
    if meant and any(meant[0] not in _SEVERAL[sign] for sign in told if sign in _SEVERAL):
        raise Unreadable(f"{' and '.join(told)} contradict one another")
    return next(iter([*meant, *told]), "")
