"""What kind of file it is, by its first bytes: a text and in which encoding, a workbook, or nothing to be read."""

import codecs
import re
import zipfile
from dataclasses import dataclass
from typing import BinaryIO

from catalog_app.importing.errors import ImportRefused

SNIFFED_BYTES = 4096
CHUNK_BYTES = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""UTF-32 before UTF-16, whose mark its own begins with."""
_SAVE_AS = "Open it in its program and save it as CSV or as an Excel workbook (.xlsx)."
_OTHERS = (
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        f"an Excel workbook of the old kind (.xls), or one with a password. {_SAVE_AS}",
    ),
    (b"%PDF-", "a PDF document. Ask for the table itself: as CSV or as an Excel workbook (.xlsx)."),
    (b"\x1f\x8b", "compressed (gzip). Unpack it first."),
    (b"7z\xbc\xaf\x27\x1c", "compressed (7z). Unpack it first."),
    (b"Rar!", "compressed (RAR). Unpack it first."),
    (b"BZh", "compressed (bzip2). Unpack it first."),
    (b"\x28\xb5\x2f\xfd", "compressed (zstd). Unpack it first."),
    (b"\xfd7zXZ\x00", "compressed (xz). Unpack it first."),
    (b"SQLite format 3\x00", "an SQLite database. Export a table of it as CSV."),
    (b"{\\rtf", f"a text document (RTF). {_SAVE_AS}"),
    (b"\x89PNG", "a picture."),
    (b"\xff\xd8\xff", "a picture."),
    (b"GIF8", "a picture."),
)
_MARKUP = re.compile(rb"\s*(?:<!doctype html|<html|<table|<meta|<head|<\?xml|<!--)", re.IGNORECASE)
_JSON = re.compile(rb'\s*(?:\[\s*[\[{]|\{\s*")')
_PACKAGES = (
    ("application/vnd.oasis.opendocument", f"an OpenDocument file (.ods). {_SAVE_AS}"),
    ("xl/workbook.bin", f"an Excel workbook of the binary kind (.xlsb). {_SAVE_AS}"),
    ("word/document.xml", f"a Word document. {_SAVE_AS}"),
    ("ppt/presentation.xml", f"a presentation. {_SAVE_AS}"),
    ("Index/Document.iwa", f"a Numbers spreadsheet. {_SAVE_AS}"),
)
ZIP = b"PK\x03\x04"


def is_workbook(raw: BinaryIO, name: str) -> bool:
    """Whether it is an .xlsx; raises ImportRefused for what is neither that nor a text. Leaves `raw` at its start."""
    head = raw.read(SNIFFED_BYTES)
    raw.seek(0)
    if head.startswith(ZIP):
        _check_package(raw, name)
        raw.seek(0)
        return True
    for magic, what in _OTHERS:
        if head.startswith(magic):
            raise ImportRefused(f"{name} is {what}")
    text = head.removeprefix(codecs.BOM_UTF8)
    if _MARKUP.match(text):
        raise ImportRefused(f"{name} is a web page or another XML document, whatever its name says. {_SAVE_AS}")
    if _JSON.match(text):
        raise ImportRefused(f"{name} is JSON. {_SAVE_AS}")
    return False


@dataclass(frozen=True)
class Encoding:
    """How to read a text. `unheeded` is what was wished for, if the file shows that it isn't that."""

    codec: str
    unheeded: str = ""

    @property
    def errors(self) -> str:
        """Bytes that aren't of the encoding come out as lone surrogates (PEP 383).

        In UTF-8 they may be what is left of a file in the encoding that was wished for: its rejected rows.
        """
        if not self.unheeded or not self.codec.startswith("utf-8"):
            return "surrogateescape"
        name = f"bookstore-{self.unheeded}"
        codecs.register_error(name, self._read_stray)
        return name

    def _read_stray(self, error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError), "for reading alone"
        return error.object[error.start : error.end].decode(self.unheeded, "surrogateescape"), error.end


def encoding_of(raw: BinaryIO, wish: str) -> Encoding:
    """By the file's byte order mark, or because it can't but be UTF-8; else as wished, or by its zeros.

    Raises ImportRefused if there is no such encoding.
    """
    head = raw.read(SNIFFED_BYTES)
    raw.seek(0)
    marked = next((codec for mark, codec in _MARKS if head.startswith(mark)), "")
    if not wish:
        return Encoding(marked or _unmarked_utf16(head) or "utf-8")
    wished = _lookup(wish)
    if marked:
        return Encoding(marked, "" if _agree(wished, marked) else wished)
    if _has_single_bytes(wished) and _is_utf8(raw):
        return Encoding("utf-8", wished)
    return Encoding(wished)


def _has_single_bytes(codec: str) -> bool:
    """Whether what is one letter in UTF-8 would be two."""
    return len("é".encode().decode(codec, "replace")) == 2


def _is_utf8(raw: BinaryIO) -> bool:
    """And not merely ASCII. Letters of an encoding of single bytes don't follow one another so, but by intent."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_ascii = True
    try:
        while chunk := raw.read(CHUNK_BYTES):
            is_ascii &= chunk.isascii()
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        raw.seek(0)
    return not is_ascii


def _agree(wished: str, marked: str) -> bool:
    return re.sub("-(sig|le|be)$", "", wished) == re.sub("-(sig|le|be)$", "", marked)


def _lookup(name: str) -> str:
    try:
        codec = codecs.lookup(name)
        encoded = "a".encode(codec.name)  # Refuses the likes of base64, which aren't text,
        encoded.decode(codec.name, "surrogateescape")  # and those of host names, which don't carry stray bytes.
    except (LookupError, ValueError) as error:
        raise ImportRefused(f"There is no encoding {name!r}; try utf-8, cp1252 or utf-16.") from error
    return codec.name


def _unmarked_utf16(head: bytes) -> str:
    """Every other byte of a Latin header is zero in UTF-16, and in nothing else that is text."""
    even, odd = head[: len(head) // 2 * 2 : 2], head[1::2]
    for codec, zeros, others in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if len(zeros) > 1 and b"\0" not in others and zeros.count(0) > len(zeros) * 3 // 4:
            return codec
    return ""


def _check_package(raw: BinaryIO, name: str) -> None:
    try:
        with zipfile.ZipFile(raw) as package:
            names = set(package.namelist())
            # Written first and not compressed, so that it stands in the first bytes of such a file.
            raw.seek(0)
            head = raw.read(SNIFFED_BYTES)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ImportRefused(f"{name} looks like an Excel workbook, but is damaged or cut off.") from error
    for sign, what in _PACKAGES:
        if sign in names or ("/" in sign and sign.encode() in head):
            raise ImportRefused(f"{name} is {what}")
    if not any(part.startswith("xl/") for part in names):
        raise ImportRefused(f"{name} is a ZIP archive without a workbook in it. Unpack it first.")
