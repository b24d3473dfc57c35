"""Values that a field, or a body, can't have, by what is wrong with them."""

from typing import Any

HUGE = 2**63
GOOD_BOOK: dict[str, Any] = {"title": "T", "authors": "A", "topic": "bad input", "price": "1.00", "quantity": 1}
NOT_WHOLE: dict[str, Any] = {
    "text": "two",
    "a fraction": 1.5,
    "a boolean": True,
    "null": None,
    "a list": [1],
    "an object": {"a": 1},
    "empty": "",
    "zero": 0,
    "negative": -1,
    "a huge number": 10**30,
    "a number beyond 64 bits": HUGE,
    "a fraction that is huge": 1e300,
    "other digits": "\u0661",
    "an underscore": "1_0",
    "a NUL": "1\0",
}
NOT_TEXT: dict[str, Any] = {
    "a number": 7,
    "a boolean": False,
    "null": None,
    "a list": ["a"],
    "an object": {},
    "a NUL": "a\0b",
}
NOT_PRICE: dict[str, Any] = {
    "text": "cheap",
    "negative": "-0.01",
    "three decimals": "1.001",
    "too large": "100000000.00",
    "null": None,
    "a boolean": True,
    "a list": [],
    "an exponent": "1e3",
    "text NaN": "NaN",
    "text Infinity": "Infinity",
    "empty": "",
}
NOT_ISBN: dict[str, Any] = {
    "a number": 9780306406157,
    "a wrong check digit": "9780306406158",
    "too short": "978030640615",
    "letters": "97803064061X7",
    "a list": ["9780306406157"],
    "a NUL": "978030640615\0",
}
NOT_JSON: dict[str, bytes] = {
    "half an object": b'{"book": 1',
    "a trailing comma": b'{"book": 1,}',
    "single quotes": b"{'book': 1}",
    "NaN": b'{"book": NaN}',
    "Infinity": b'{"book": 1, "quantity": Infinity}',
    "minus Infinity": b'{"book": -Infinity}',
    "a name twice": b'{"book": 1, "book": 2}',
    "two values": b'{"book": 1} {"book": 1}',
    "invalid UTF-8": b'{"book": "\xff"}',
    "UTF-16": '{"book": 1}'.encode("utf-16"),
    "half a surrogate pair": b'{"book": "\\ud800"}',
    "a surrogate in a name": b'{"\\udfff": 1}',
    "a bare NUL": b'{"book": 1}\0',
    "a byte order mark": b'\xef\xbb\xbf{"book": 1}',
    "100,000 brackets": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a number of 100,000 digits": b'{"book": ' + b"9" * 100_000 + b"}",
    "no value": b"undefined",
}
NOT_OBJECTS: dict[str, Any] = {
    "a list": [],
    "a list of purchases": [{"book": 1}],
    "a number": 1,
    "text": "book",
    "null": None,
    "true": True,
}
