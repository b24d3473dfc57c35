"""What strangers send, made fit to be logged and shown: short, one word, and without what is nobody else's business.

A line of a log that is as long as a request drives out thousands of others, and an address may hold what its sender
would tell nobody: a token, a password.
"""

LONGEST = 200
"""Characters of an address; of anything else, where its place says nothing else."""
LONGEST_VALUE = 60
LONGEST_QUERY = 1000
"""Characters of a query that are looked at."""
PARAMETERS_SHOWN = 12
PARAMETERS = frozenset(
    {
        *("topic", "search", "ordering", "page", "page_size", "format"),
        *("book", "created_after", "created_before"),
        *("q", "o", "p", "all", "stock"),  # Of the admin's lists.
    }
)
"""The query parameters that are the store's own: all others are left out."""


def cut(text: str, longest: int = LONGEST) -> str:
    """The text, or its beginning and how many characters more there were: `/product/111…[+59800]`."""
    return text if len(text) <= longest else f"{text[:longest]}…[+{len(text) - longest}]"


def address(path: str, query: str = "") -> str:
    """A request's path and query for a log line: one word of printable ASCII, but for the mark of `cut`.

    Of the query, the parameters that the store has itself; `…` stands for the others. The query is as WSGI has it, a
    character for each byte (PEP 3333); a path that is so, too, becomes one by `text_of`.
    """
    return f"{_word(path, LONGEST)}?{_query(query)}" if query else _word(path, LONGEST)


def text_of(bytes_as_text: str) -> str:
    """What WSGI has a character for each byte of, as the text that its sender meant; other text as it is."""
    try:
        return bytes_as_text.encode("latin-1").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return bytes_as_text


def target(text: str) -> str:
    """`address` of a path with its query."""
    path, _, query = text.partition("?")
    return address(path, query)


def _query(query: str) -> str:
    pairs = [pair.partition("=") for pair in query[:LONGEST_QUERY].split("&") if pair]
    known = [f"{name}={_word(text_of(value), LONGEST_VALUE)}" for name, _, value in pairs if name in PARAMETERS]
    told = known[:PARAMETERS_SHOWN]
    is_more = len(told) < len(pairs) or len(query) > LONGEST_QUERY
    return "&".join([*told, *["…"] * is_more])


def _word(text: str, longest: int) -> str:
    """The text percent-encoded where it isn't printable ASCII, and cut, both together."""
    if len(text) <= longest and _is_plain(text):
        return text
    word = ""
    for place, character in enumerate(text):
        encoded = character if _is_plain(character) else _percent_encoded(character)
        if len(word) + len(encoded) > longest:
            return f"{word}…[+{len(text) - place}]"
        word += encoded
    return word


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _percent_encoded(character: str) -> str:
    """A byte that is no text is itself again."""
    is_byte = "\udc80" <= character <= "\udcff"
    encoded = character.encode("utf-8", "surrogateescape" if is_byte else "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in encoded)
