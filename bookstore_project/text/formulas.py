"""Texts that a spreadsheet would run as formulas.

A cell that begins with one of these characters is run as a formula by the common spreadsheets, also one in quotes; an
apostrophe before it makes it text: https://owasp.org/www-community/attacks/CSV_Injection
"""

import re

_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
_GUARD = "'"


def formula_guarded(text: str) -> str:
    """With one more apostrophe before what might be run; `unguarded` takes it back."""
    return _GUARD + text if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """Without the apostrophe of `formula_guarded`; any other text as it is."""
    return text[1:] if text.startswith(_GUARD) and _FORMULA.match(text[1:]) else text
