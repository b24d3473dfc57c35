"""What columns are called: in English, German, French, Spanish and their neighbours, in Chinese and Japanese, and in
other programs' exports.

Goodreads: Title, Author, Additional Authors, ISBN (as `="0439023483"`), Owned Copies. LibraryThing: Primary Author,
Secondary Author, ISBNs, Copies. WooCommerce: Name, Regular price, Stock, Categories, "GTIN, UPC, EAN, or ISBN".
Shopify: Title, Variant Price, Variant Inventory Qty, Variant Barcode, or Price, Inventory quantity, Barcode.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence

from catalog_app.importing.currencies import ANY_CURRENCY, CURRENCIES

_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "œ": "oe", "æ": "ae"})


def plain(column: str) -> str:
    """`ISBN-13`, `isbn_13` and `Isbn13` are one, and so are `Título` and `titulo`."""
    return re.sub(r"[\W_]", "", folded(column))


def folded(column: str) -> str:
    decomposed = unicodedata.normalize("NFKD", column.casefold().translate(_LETTERS))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


SYNONYMS: Mapping[str, tuple[str, ...]] = {
    field: tuple(map(plain, names.split()))
    for field, names in {
        "title": "title booktitle titleofbook titel buchtitel titre titredulivre titrelivre titulo "
        "titulodellibro titulolibro titolo tytul originaltitle titeldesbuches boektitel name "
        "productname itemname bookname bezeichnung artikelbezeichnung artikelname produktname "
        "produktbezeichnung designation intitule libelle nomduproduit nombre nombredelproducto "
        "naam nome nomeprodotto nazwa nom namn navn "
        "titredelouvrage titredeloeuvre titreouvrage titreouvrages titrecomplet titreproduit ouvrage "
        "titelbezeichnung haupttitel werktitel titeldeswerks titeldeswerkes titeldesbuchs buchname titeldelibro "
        "titulodelaobra titulocompleto tituloobra titulooriginal nombredellibro titolodellibro "
        "titololibro titoloopera titolodellopera titelboek titelvanhetboek boeknaam productnaam "
        "artikelnaam titulodolivro titulolivro titulodaobra nomedolivro nomedoproduto fulltitle "
        "worktitle maintitle booktitles itemtitle producttitle descripciondelarticulo "
        "boktitel bogtitel boktittel tittel nazwaksiazki tytulksiazki nazev 书名 书籍名称 图书名称 标题 題名 "
        "书本名称 商品名称 書名 書籍名 書名題名 題名書名 本の名前 本のタイトル 商品名 タイトル "
        "題目 标题名 名称 제목 도서명 "
        "book buch livre libro boek livro bok bog",
        "authors": "authors author authornames authorname nameofauthor bookauthor bookauthors writer writers "
        "primaryauthor mainauthor firstauthor author1 authorsname autor autoren autorin "
        "autorinnen autorinnenundautoren autorenname autorname verfasser verfasserin "
        "schriftsteller auteur auteurs autrice auteure auteurprincipal nomdelauteur autores "
        "autora autoras nombredelautor escritor autore autori schrijver autorzy forfatter "
        "forfattare forfattere tekija creator creators authorlf autor1 auteur1 contributors "
        "contributor "
        "autordesbuches buchautor buchautoren urheber verfasserinnen autordellibro autordelaobra "
        "autoredellibro autoriopera auteurdulivre auteurdelouvrage auteursdelouvrage ecrivain "
        "nomsdesauteurs nomdesauteurs nombredelosautores escritora auteurnaam auteursnaam naamauteur "
        "autordolivro autordaobra autors nomedoautor nomeautore scrittore schrijvers "
        "authorfullname authornamefull 作者 作者名 著者 著者名 作家 作家名 著作者 编著者 編著者 저자 지은이",
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
        "barcode variantbarcode strichcode codebarres codeabarres codigodebarras codicebarre codiceabarre "
        "codigobarras codbarras streepjescode "
        "条码 条形码 バーコード janコード jan ean码",
        "isbn": "isbn isbn10 isbns isbnnumber isbnno isbnnr isbnnummer isbnnum numeroisbn codeisbn "
        "codigoisbn isbncode isbn1013 isbn10or13 isbn10isbn13 isbn13isbn10 metaisbn productisbn "
        "bookisbn issnisbn isbnissn numerodisbn ndisbn nodisbn nisbn "
        "noisbn isbncodigo isbn号 书号 国际标准书号 isbnコード isbn番号 isbn書号 書號",
        "sku": "sku variantsku",
        "topic": "topic genre category subject topics genres categories subjects thema kategorie "
        "kategorien sachgebiet warengruppe rubrik gattung themen themengebiet categorie sujet "
        "theme rayon matiere domaine categoria categorias tema temas materia genero generos "
        "tematica genere argomento onderwerp kategori kategoria productcategory productcategories "
        "producttype standardizedproducttype customproducttype "
        "fachgebiet genrebuch kategorieangabe categoriedulivre genredulivre rubrique "
        "categoriadellibro categoriadolivro assunto assuntos rubriek categorieen categoriaprodotto "
        "generi 分类 类别 图书分类 主题 ジャンル 分類 カテゴリ カテゴリー 種別 分野",
        "price": "price unitprice listprice retailprice regularprice variantprice sellingprice "
        "priceperunit pricepercopy itemprice productprice bookprice rrp msrp preis verkaufspreis "
        "ladenpreis einzelpreis stuckpreis listenpreis endpreis endkundenpreis regularerpreis "
        "normalerpreis normalpreis vk vkpreis uvp prix prixdevente prixpublic prixttc "
        "prixunitaire prixunitairettc tarif tarifregulier prixregulier tarifnormal precio "
        "precioventa preciodeventa preciounitario precionormal precioregular pvp prezzo "
        "prezzodivendita prezzodilistino prijs verkoopprijs preco cena pris verkaufspreisbrutto "
        "ladenpreisbrutto preisbrutto bruttopreis bruttoverkaufspreis coverprice prezzodicopertina "
        "prixunit puttc prixdulivre prixlivre prixediteur prixdelouvrage prixvente "
        "pvttc buchpreis preisprostuck preisjestuck einzelverkaufspreis "
        "bruttovk precioventapublico preciodeventaalpublico precioalpublico "
        "precioporunidad preciounidad preciounit preciodellibro preciofinal prezzounitario "
        "prezzovendita prezzolistino prezzoalpubblico stuksprijs eenheidsprijs winkelprijs "
        "prijsperstuk precounitario precodevenda precovenda precodecapa precodolivro "
        "precoporunidade retailpriceinclvat prixpublicttc prixdeventettc prixventettc precioconiva pvpconiva "
        "precioivaincluido prezzoivainclusa prezzoivato prijsinclbtw precocomiva "
        "价格 售价 定价 单价 価格 定価 単価 販売価格 売価 價格 定價 售價 가격 정가",
        "quantity": "quantity stock qty copies stockquantity stockqty quantityinstock onhand quantityonhand "
        "qtyonhand inventory inventoryquantity variantinventoryqty inventoryqty inventorylevel "
        "stocklevel unitsinstock copiesinstock numberofcopies ownedcopies units bestand "
        "lagerbestand lager lagermenge menge anzahl stuck stuckzahl exemplare vorrat quantite "
        "quantiteenstock qte exemplaires nombredexemplaires nombreexemplaires stockdisponible "
        "inventaire cantidad cantidadenstock existencias inventario ejemplares unidades "
        "numerodeejemplares nodeejemplares ndeejemplares noexemplaires nexemplaires anzahlexemplare "
        "anzahlderexemplare opvoorraad availablecopies copiesavailable lagerbestandaktuell "
        "quantita giacenza copie voorraad aantal quantidade estoque ilosc "
        "antal "
        "quantitestock quantitedisponible qtestock qteenstock stockactuel nbexemplaires "
        "nbdexemplaires nombredexemplairesenstock stockrestant stockactual stocktotal "
        "existenciaactual cantidaddisponible unidadesdisponibles unidadesenstock "
        "cantidaddeejemplares numerodeunidades stuckaufdemlager aktuellerbestand bestandstuck "
        "lagerstand lagerstuckzahl verfugbarestuckzahl quantitadisponibile "
        "quantitainmagazzino giacenzamagazzino copiedisponibili numerocopie numerodicopie "
        "aantalopvoorraad voorraadaantal aantalexemplaren aantalinvoorraad exemplaren "
        "quantidadeemestoque emestoque qtd qtde qtdestoque exemplaresdisponiveis "
        "numerodeexemplares unidadesemestoque currentstock stockonhand totalstock 库存 库存数量 库存量 数量 "
        "册数 在庫 在庫数 冊数 部数 庫存 庫存量 庫存數量 數量 재고 수량",
        "currency": "currency currencycode pricecurrency listpricecurrency wahrung wahrungscode "
        "preiswahrung devise codedevise monnaie moneda divisa codigodemoneda valuta munt valutacode codicevaluta "
        "moeda waluta mena valuutta 货币 币种 通貨 貨幣 幣別 통화",
    }.items()
}
"""The fields that a file can fill, each with the column names that mean it, the likeliest first; as `plain` has them.

A shop's own number (`sku`) counts only where it is a sound ISBN-13, and a currency is told, but isn't kept."""

CURRENCY = "currency"
"""The field that is no part of a book."""
SEVERAL = "more_authors"
"""The field that several columns may fill."""
_NUMBERED_AUTHOR = re.compile("(?:author|autor|auteur|coauthor|coautor|coauteur|autore|contributor)([2-9])")

UNCLEAR: Mapping[str, tuple[re.Pattern[str], re.Pattern[str]]] = {
    "isbn": (re.compile("isbn|书号|書號"), re.compile(r"\b(?:status|source|valid|check|note|type)\b")),
    "price": (
        re.compile(
            r"price|preis|prix|preci|prezz|prijs|preco|tarif|cost|retail|betrag|价|価|價|"
            r"\b(?:amount|importe|montant|rrp|msrp|uvp|pvp|vk|pris|cena)\b"
        ),
        re.compile(r"\b(?:id|ids|currency|dates?|list id|type|compare|from|to|starts|ends|code|history)\b"),
    ),
    "quantity": (
        re.compile(
            r"stock|bestand|qty|quanti|cantidad|existencia|menge|inventor|exempl|ejemplar|voorraad|vorrat|verfugbar|"
            r"availab|disponi|giacenz|magazzin|anzahl|aantal|estoque|库存|庫存|在庫|数量|數量|\b(?:stk|stuck|lager|copies|unidades|units|antal)\b"
        ),
        re.compile(
            r"seite|pagina|\b(?:status|low|minimum|min|tracker|policy|backorders?|in|location|id|keeping|unit|pages?|"
            r"published|date|since|from|isbn|language)\b"
        ),
    ),
}
"""What a column's name has that may be meant for a field, and what it has if it is something else all the same."""

_IN_CURRENCY = re.compile(rf"(?: in)?[ _-]{{1,3}}(?:{ANY_CURRENCY})$| ?(?:in )?(?:€|\$|£)$", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"[(\[] ?(?:in )?([^()\[\]]*?) ?[)\]] ?[*:]* ?$")
"""Of a name whose words are parted by single spaces: what may be repeated is looked at once, however long it is."""
_REMARK_WORDS = (
    "optional required mandatory pflicht pflichtfeld erforderlich obligatoire facultatif obligatorio opcional "
    "pcs pieces copies stk stück units ex exemplare brutto gross ttc"
)
_REMARKS = frozenset(
    [
        *_REMARK_WORDS.split(),
        "inkl. mwst",
        "incl. mwst",
        "incl. vat",
        "inc. vat",
        "incl. btw",
        "iva incluido",
        "iva inclusa",
        "税込",
    ]
)


def without_remark(column: str) -> str:
    """`Price (EUR)`, `Preis in EUR` and `Title (required)` without what isn't the name."""
    column = _spaced(column)
    found = _IN_BRACKETS.search(column)
    if found and (found[1].casefold() in CURRENCIES or found[1].casefold().rstrip(".") in _REMARKS):
        column = column[: found.start()]
    return _IN_CURRENCY.sub("", column) or column


def _spaced(column: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", column).split())


def currency_of(column: str) -> str:
    """The currency that a column's name has: EUR for `Price (EUR)`; empty if it has none."""
    column = _spaced(column)
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
