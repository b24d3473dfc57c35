"""The one form in which texts are kept and compared: what looks the same is the same.

Composed letters (NFC, https://www.unicode.org/reports/tr15/), single spaces, nothing that can't be seen and has no
effect. What could do harm where it is shown is refused by name: control characters, which a terminal obeys, and those
that turn the direction of the text around them (https://www.unicode.org/reports/tr9/, "Trojan Source").
"""

import re
import unicodedata

WHITE_SPACE = "\t\n\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""For a character class: White_Space of Unicode; of the control characters tab and line ends, which people type."""

DASHES = "\u2010-\u2015\u2043\u2212\u2796\u02d7\ufe58\ufe63\uff0d-"
"""For a character class: hyphens, dashes and minus signs, which people and programs write for one another."""

_RUN_OF_SPACE = re.compile(f"[{WHITE_SPACE}]+")
_TURNING = "\u202a-\u202e\u2066-\u2069"
"""Embeddings, overrides and isolates."""
_UNFIT = re.compile(
    "[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # Control characters.
    f"{_TURNING}\u206a-\u206f\ufff9-\ufffb"  # And formats that are deprecated, or say nothing without another layer.
    "\ud800-\udfff"  # Halves of characters.
    "\ufdd0-\ufdef"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
    # The line before: what never is a character.
    + "]"
)
_UNASKABLE = re.compile("[\0\ud800-\udfff]")
_TAGS = "\U000e0000-\U000e007f"
_WITHOUT_EFFECT = re.compile(
    "[\u00ad\u180e\u200b\u2060-\u2064\ufeff\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U000e0080-\U000e00ff\U000e01f0-\U000e0fff]+"
    rf"|(?<![\U0001f3f4{_TAGS}])[{_TAGS}]+"  # Tags say which flag it is, and nothing else.
    "|(?<![^A-Za-z\u00c0-\u024f ])[\ufe00-\ufe0f\U000e0100-\U000e01ef]+"  # Latin letters have no variants.
)
"""Soft hyphens and zero width spaces: what pages and word processors leave in what is copied from them. And what
Unicode calls Default_Ignorable, where it isn't part of a sign: a whole sentence can be hidden in it.
"""
_IDLE_JOINER = re.compile("(?<![\u0300-\U0010ffff])[\u200c\u200d]+|[\u200c\u200d]+(?![\u0300-\U0010ffff])")
"""Joiners that join no letters of scripts which know them, and no emoji."""
_DIRECTION_MARKS = "\u200e\u200f\u061c"
"""They have an effect in a text that is written from right to left, at least in part."""
_DIRECTION_MARK = re.compile(f"[{_DIRECTION_MARKS}]+")
_SEEN = frozenset("LNPS")
_BLANK_ALL_THE_SAME = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that show nothing: Hangul fillers, and Braille without a dot."""

_CONTROLS = """
NULL; START OF HEADING; START OF TEXT; END OF TEXT; END OF TRANSMISSION; ENQUIRY; ACKNOWLEDGE; ALERT; BACKSPACE;
CHARACTER TABULATION; LINE FEED; LINE TABULATION; FORM FEED; CARRIAGE RETURN; SHIFT OUT; SHIFT IN; DATA LINK ESCAPE;
DEVICE CONTROL ONE; DEVICE CONTROL TWO; DEVICE CONTROL THREE; DEVICE CONTROL FOUR; NEGATIVE ACKNOWLEDGE; SYNCHRONOUS
IDLE; END OF TRANSMISSION BLOCK; CANCEL; END OF MEDIUM; SUBSTITUTE; ESCAPE; INFORMATION SEPARATOR FOUR; INFORMATION
SEPARATOR THREE; INFORMATION SEPARATOR TWO; INFORMATION SEPARATOR ONE; DELETE; PADDING CHARACTER; HIGH OCTET PRESET;
BREAK PERMITTED HERE; NO BREAK HERE; INDEX; NEXT LINE; START OF SELECTED AREA; END OF SELECTED AREA; CHARACTER
TABULATION SET; CHARACTER TABULATION WITH JUSTIFICATION; LINE TABULATION SET; PARTIAL LINE FORWARD; PARTIAL LINE
BACKWARD; REVERSE LINE FEED; SINGLE SHIFT TWO; SINGLE SHIFT THREE; DEVICE CONTROL STRING; PRIVATE USE ONE; PRIVATE
USE TWO; SET TRANSMIT STATE; CANCEL CHARACTER; MESSAGE WAITING; START OF GUARDED AREA; END OF GUARDED AREA; START OF
STRING; SINGLE GRAPHIC CHARACTER INTRODUCER; SINGLE CHARACTER INTRODUCER; CONTROL SEQUENCE INTRODUCER; STRING
TERMINATOR; OPERATING SYSTEM COMMAND; PRIVACY MESSAGE; APPLICATION PROGRAM COMMAND
"""
_CONTROL_NAMES = dict(zip([*range(0x20), *range(0x7F, 0xA0)], " ".join(_CONTROLS.split()).split("; "), strict=True))
"""`unicodedata` has no name for these; here is the first alias that Unicode's NameAliases.txt has for each."""


class UnfitText(ValueError):
    """A text with a character that isn't taken; the message names it and says where it stands."""

    def __init__(self, character: str, place: int) -> None:
        super().__init__(f"{name_of(character)} (character {place + 1}) isn't allowed in a text.")
        self.character = character


def name_of(character: str) -> str:
    """Such as `U+001B ESCAPE`."""
    number = ord(character)
    name = _CONTROL_NAMES.get(number) or unicodedata.name(character, "") or "(not a character)"
    return f"U+{number:04X} {name}"


def canonical(text: str) -> str:
    """The one form of `text`; empty if nothing of it can be seen. Of its own result it changes nothing.

    Raises UnfitText for control characters other than tab and line ends, for those that turn the direction of the
    text around them, and for what is no character.
    """
    if unfit := _UNFIT.search(text):
        raise UnfitText(unfit[0], unfit.start())
    if text.isascii():
        return " ".join(text.split())
    before = None
    while text != before:  # What is taken out may bring together what composes, or was kept apart.
        before, text = text, _step(text)
    return text if any(map(_is_seen, text)) else ""


def _step(text: str) -> str:
    text = _WITHOUT_EFFECT.sub("", unicodedata.normalize("NFC", text))
    if _DIRECTION_MARK.search(text) and not any(map(_is_right_to_left, text)):
        text = _DIRECTION_MARK.sub("", text)
    return _RUN_OF_SPACE.sub(" ", _IDLE_JOINER.sub("", text)).strip(" ")


def canonical_or_same(text: str) -> str:
    """The one form, to look something up by; a text that none can be like stays as it is."""
    return text if unfit_in(text) else canonical(text) or text


def askable(text: str) -> str:
    """With a character that no text has in place of those that no database can be asked for: NUL, and halves."""
    return _UNASKABLE.sub("\ufdd0", text)


def unfit_in(text: str) -> str:
    """Why `canonical` would refuse a text; empty if it wouldn't."""
    unfit = _UNFIT.search(text)
    return str(UnfitText(unfit[0], unfit.start())) if unfit else ""


def without_unfit(text: str) -> str:
    """The one form of what is left when the characters that `canonical` refuses are taken out."""
    return canonical(_UNFIT.sub("", text))


def without_turning(text: str) -> str:
    """Without the characters that turn the direction of a text: a title that is copied from a page may bring some."""
    return re.sub(f"[{_TURNING}]", "", text)


def _is_seen(character: str) -> bool:
    return unicodedata.category(character)[0] in _SEEN and character not in _BLANK_ALL_THE_SAME


def _is_right_to_left(character: str) -> bool:
    return character not in _DIRECTION_MARKS and unicodedata.bidirectional(character) in ("R", "AL")
