"""Rows that a list has besides its books: totals, page numbers, rules, and what else is printed around them."""

import re
from collections.abc import Mapping, Sequence

from catalog_app.importing.synonyms import plain

_TOTAL_WORDS = (
    "total totals sum subtotal grandtotal summe summen gesamt gesamtsumme zwischensumme insgesamt somme soustotal "
    "totalgeneral totalgenerale suma sumatotal totale totaal razem summa ubertrag carriedforward broughtforward "
    "endsumme totaux totales totali subtotaal eindtotaal totaalgeneraal 合計 小計 総計 合计 小计 总计"
)
_TOTALS = frozenset(map(plain, _TOTAL_WORDS.split()))
_COUNTED_TOTAL = re.compile(
    r"(?:(?:grand |sub)?totale?s?|summe|gesamt|somme|suma|totaal)\W*[0-9][0-9.,' ]*(?:\w+)?", re.IGNORECASE
)
_THINGS = (
    "books?|titles?|records?|rows?|items?|entries|lines|bücher|titel|datensätze|zeilen|artikel|einträge|livres|titres|"
    "lignes|ouvrages|libros|títulos|registros|libri|titoli|boeken|regels|livros"
)
_PARTS = "report|list|file|data|export|page|table|berichts?|liste|datei|rapport|fichier|informe|listado|lista|elenco"
_DATE = r"[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}|[0-9]{1,2}\.? \w+ [0-9]{4}"
_AROUND = re.compile(
    r"(?:page|seite|blatt|pagina|página|pág\.?|p\.|sheet|sida|side|strona|стр\.?|страница)\W{0,3}[0-9]+"
    r"(?:\W{0,3}(?:of|von|de|sur|di|van|av|af|z|из)?\W{0,3}[0-9]+)?"
    r"|[0-9]+\s?/\s?[0-9]+|第?\s?[0-9]+\s?(?:页|頁|ページ).*"
    rf"|(?:end of|ende de[rs]|fin d[eu]|fine d\w+|fim d[aoe]|einde)\s(?:\w+['’\s])?(?:{_PARTS})"
    rf"|(?:printed|created|generated|exported|gedruckt|erstellt|exportiert|stand|imprimé|édité|généré|impreso|"
    rf"generado|stampato|afgedrukt|date|datum|fecha|data)\b.{{0,40}}(?:{_DATE}).{{0,20}}"
    rf"|[0-9][0-9.,' ]*\s(?:{_THINGS})(?: (?:in total|total|found|listed|gesamt|insgesamt))?"
    rf"|(?:number of|anzahl(?: der)?|nombre (?:de|total de)|número de|numero di|aantal) (?:{_THINGS})\W*[0-9.,' ]+"
    r"|\(?(?:continued|fortsetzung|to be continued on next page|suite|continúa|segue)\W{0,3}\)?",
    re.IGNORECASE,
)
_ORNAMENT = "-–—=*_#~.·• "
_RULE = re.compile("([-=_*~#+–—])\\1{2,}")
_ELSE = {
    "authors": ("authors", "more_authors", "author_first", "author_last"),
    "ISBN": ("isbn13", "isbn"),
    "price": ("price",),
    "stock": ("quantity",),
}
"""What a book has besides its title, with the fields that say it."""
_OF_A_BOOK = frozenset({"authors", "more_authors", "author_last", "topic", "isbn13", "isbn"})


def why_no_book(cells: Sequence[str], columns: Mapping[str, Sequence[int]]) -> str:
    """Why a row is no book, or may be none; empty if it is one. `columns` are the places of the fields in `cells`."""
    filled = {name for name, places in columns.items() if any(cells[place].strip() for place in places)}
    text = cells[columns["title"][0]].strip()
    if all(_RULE.fullmatch(cell.strip()) for cell in cells if cell.strip()):
        return "a line that is drawn, and no book"
    if not filled & _OF_A_BOOK:
        if plain(text) in _TOTALS or _COUNTED_TOTAL.fullmatch(text):
            return "this looks like a line of totals; if it is a book, say who wrote it, or its ISBN"
        if _AROUND.fullmatch(text.strip(_ORNAMENT)):
            return "this looks like a line of the list itself; if it is a book, say who wrote it, or its ISBN"
    missing = [what for what, names in _ELSE.items() if columns.keys() & set(names)]
    if filled == {"title"} and len(missing) > 1:
        return f"nothing but a title: a book, or a line of the list itself? If it is a book, say its {_or(missing)}"
    return ""


def _or(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
