"""What columns are called: in English, German, French, Spanish and their neighbours, and in other programs' exports.

Goodreads: Title, Author, Additional Authors, ISBN (as `="0439023483"`), Owned Copies. LibraryThing: Primary Author,
Secondary Author, ISBNs, Copies. WooCommerce: Name, Regular price, Stock, Categories, "GTIN, UPC, EAN, or ISBN".
Shopify: Title, Variant Price, Variant Inventory Qty, Variant Barcode, or Price, Inventory quantity, Barcode.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence

from catalog_app.importing.currencies import CURRENCIES, CURRENCY

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    field: tuple(names.split())
    for field, names in {
        "title": "title booktitle titleofbook titel buchtitel titre titredulivre titrelivre titulo "
        "titulodellibro titulolibro titolo tytul originaltitle titeldesbuches boektitel name "
        "productname itemname bookname bezeichnung artikelbezeichnung artikelname produktname "
        "produktbezeichnung designation intitule libelle nomduproduit nombre nombredelproducto "
        "naam nome nomeprodotto nazwa nom namn navn",
        "authors": "authors author authornames authorname nameofauthor bookauthor bookauthors writer writers "
        "primaryauthor mainauthor firstauthor author1 authorsname autor autoren autorin "
        "autorinnen autorinnenundautoren autorenname autorname verfasser verfasserin "
        "schriftsteller auteur auteurs autrice auteure auteurprincipal nomdelauteur autores "
        "autora autoras nombredelautor escritor autore autori schrijver autorzy forfatter "
        "forfattare forfattere tekija creator creators authorlf autor1 auteur1 contributors "
        "contributor",
        "more_authors": "additionalauthors additionalauthor secondaryauthor secondaryauthors otherauthors "
        "coauthor coauthors mitautor mitautoren weitereautoren weitereautorinnen weiterepersonen "
        "coauteur coauteurs autresauteurs coautor coautores otrosautores",
        "author_first": "authorfirstname authorfirst authorsfirstname firstname vorname autorvorname vornameautor "
        "vornamedesautors prenom prenomauteur prenomdelauteur nombreautor nombredeautor",
        "author_last": "authorlastname authorlast authorslastname lastname surname authorsurname nachname "
        "autornachname nachnameautor nachnamedesautors nomauteur nomdefamille apellidos apellido "
        "apellidosautor apellidosdelautor",
        "isbn13": "isbn13 ean ean13 isbnean eanisbn isbn13ean eanisbn13 eancode codeean codigoean gtin "
        "gtin13 gtinupceanorisbn gtinupceanoderisbn gtinupceanouisbn gtinupceanoisbn metaisbn13 "
        "barcode variantbarcode strichcode codebarres codeabarres codigodebarras codicebarre "
        "streepjescode",
        "isbn": "isbn isbn10 isbns isbnnumber isbnno isbnnr isbnnummer isbnnum numeroisbn codeisbn "
        "codigoisbn isbncode isbn1013 isbn10or13 isbn10isbn13 isbn13isbn10 metaisbn productisbn "
        "bookisbn issnisbn isbnissn",
        "sku": "sku variantsku",
        "topic": "topic genre category subject topics genres categories subjects thema kategorie "
        "kategorien sachgebiet warengruppe rubrik gattung themen themengebiet categorie sujet "
        "theme rayon matiere domaine categoria categorias tema temas materia genero generos "
        "tematica genere argomento onderwerp kategori kategoria productcategory productcategories "
        "producttype standardizedproducttype customproducttype",
        "price": "price unitprice listprice retailprice regularprice variantprice sellingprice "
        "priceperunit pricepercopy itemprice productprice bookprice rrp msrp preis verkaufspreis "
        "ladenpreis einzelpreis stuckpreis listenpreis endpreis endkundenpreis regularerpreis "
        "normalerpreis normalpreis vk vkpreis uvp prix prixdevente prixpublic prixttc "
        "prixunitaire prixunitairettc tarif tarifregulier prixregulier tarifnormal precio "
        "precioventa preciodeventa preciounitario precionormal precioregular pvp prezzo "
        "prezzodivendita prezzodilistino prijs verkoopprijs preco cena pris verkaufspreisbrutto "
        "ladenpreisbrutto preisbrutto bruttopreis bruttoverkaufspreis coverprice prezzodicopertina",
        "quantity": "quantity stock qty copies stockquantity stockqty quantityinstock onhand quantityonhand "
        "qtyonhand inventory inventoryquantity variantinventoryqty inventoryqty inventorylevel "
        "stocklevel unitsinstock copiesinstock numberofcopies ownedcopies units bestand "
        "lagerbestand lager lagermenge menge anzahl stuck stuckzahl exemplare vorrat quantite "
        "quantiteenstock qte exemplaires nombredexemplaires nombreexemplaires stockdisponible "
        "inventaire cantidad cantidadenstock existencias inventario ejemplares unidades "
        "numerodeejemplares nodeejemplares ndeejemplares noexemplaires nexemplaires anzahlexemplare "
        "anzahlderexemplare opvoorraad availablecopies copiesavailable lagerbestandaktuell "
        "quantita giacenza copie voorraad aantal quantidade estoque ilosc "
        "antal",
    }.items()
}
"""The fields that a file can fill, each with the column names that mean it, the likeliest first; as `plain` has them.

A shop's own number (`sku`) counts only where it is a sound ISBN-13."""

SEVERAL = "more_authors"
"""The field that several columns may fill."""
_NUMBERED_AUTHOR = re.compile("(?:author|autor|auteur|coauthor|coautor|coauteur|autore|contributor)([2-9])")

UNCLEAR: Mapping[str, tuple[re.Pattern[str], re.Pattern[str]]] = {
    "price": (
        re.compile(
            r"price|preis|prix|preci|prezz|prijs|tarif|cost|retail|betrag|"
            r"\b(?:amount|importe|montant|rrp|msrp|uvp|pvp|vk|pris|cena)\b"
        ),
        re.compile(r"\b(?:id|ids|currency|dates?|list id|type|compare|from|to|starts|ends|code|history)\b"),
    ),
    "quantity": (
        re.compile(
            r"stock|bestand|qty|quanti|cantidad|existencia|menge|inventor|exempl|ejemplar|voorraad|vorrat|verfugbar|"
            r"availab|disponib|giacenz|anzahl|aantal|\b(?:stk|stuck|lager|copies|unidades|units|antal)\b"
        ),
        re.compile(
            r"seite|pagina|\b(?:status|low|minimum|min|tracker|policy|backorders?|in|location|id|keeping|unit|pages?|"
            r"published|date|since|from|isbn|language)\b"
        ),
    ),
}
"""What a column's name has that may be meant for a field, and what it has if it is something else all the same."""

_LETTERS = str.maketrans("łøđı", "lodi")
_IN_CURRENCY = re.compile(rf"(?:\s+in)?[\s_-]+(?:{CURRENCY})\s*$|\s*(?:in\s+)?(?:€|\$|£)\s*$", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"\s*[(\[]\s*(?:in\s+)?([^()\[\]]*?)\s*[)\]]\s*[*:]*\s*$")
_REMARK_WORDS = (
    "optional required mandatory pflicht pflichtfeld erforderlich obligatoire facultatif obligatorio opcional "
    "pcs pieces copies stk stück units ex exemplare brutto gross ttc"
)
_REMARKS = frozenset([*_REMARK_WORDS.split(), "inkl. mwst", "incl. mwst", "incl. vat", "inc. vat", "incl. btw"])


def plain(column: str) -> str:
    """`ISBN-13`, `isbn_13` and `Isbn13` are one, and so are `Título` and `titulo`."""
    return re.sub(r"[\W_]", "", folded(column))


def folded(column: str) -> str:
    decomposed = unicodedata.normalize("NFKD", column.casefold().translate(_LETTERS))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def without_remark(column: str) -> str:
    """`Price (EUR)`, `Preis in EUR` and `Title (required)` without what isn't the name."""
    found = _IN_BRACKETS.search(column)
    if found and (found[1].casefold() in CURRENCIES or found[1].casefold().rstrip(".") in _REMARKS):
        column = column[: found.start()]
    return _IN_CURRENCY.sub("", column) or column


def currency_of(column: str) -> str:
    """The currency that a column's name has: EUR for `Price (EUR)`; empty if it has none."""
    found = _IN_BRACKETS.search(column)
    name = found[1] if found else column.rsplit(maxsplit=1)[-1] if column.split() else ""
    return CURRENCIES.get(name.casefold(), "") if found or len(column.split()) > 1 else ""


def is_numbered_author(column: str) -> bool:
    """`Author 2`."""
    return _NUMBERED_AUTHOR.fullmatch(plain(column)) is not None


def count_known(header: Sequence[str], wished: Sequence[str]) -> int:
    """How many of a header's names mean a field, or are wished for; 0 without a title, or if a wish isn't there."""
    given = {column.casefold() for column in header}
    if wished:
        return len(wished) if {wish.casefold() for wish in wished} <= given else 0
    names = [{plain(column), plain(without_remark(column))} for column in header]
    if not any(each & _TITLES for each in names):
        return 0
    return sum(bool(each & _ALL) for each in names)


_TITLES = frozenset(SYNONYMS["title"])
_ALL = frozenset(name for names in SYNONYMS.values() for name in names)
