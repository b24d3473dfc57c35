"""JSON bodies: what is one JSON text in UTF-8 is read, whatever merely resembles one is refused with a sentence."""

import json
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.exceptions import ParseError

from bookstore_project.api.parsers import parse_json


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"", {}),
        (b" \n\t", {}),
        (b"{}", {}),
        (b'{"a": [1, 2.5, "x", null, true]}', {"a": [1, 2.5, "x", None, True]}),
        ('{"title": "ثقة 🐍"}'.encode(), {"title": "ثقة 🐍"}),
        (b'{"pair": "\\ud83d\\udc0d"}', {"pair": "🐍"}),
        (b"5", 5),
        (b'[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
    ],
)
def test_json_is_read(raw: bytes, value: Any) -> None:
    assert parse_json(raw) == value


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (b"{", "not valid JSON"),
        (b"{'a': 1}", "not valid JSON"),
        (b'{"a": 1,}', "not valid JSON"),
        (b"{} x", "not valid JSON"),
        (b"NaN", "NaN is not JSON"),
        (b"[Infinity]", "Infinity is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"a": 1, "a": 1}', "'a' is repeated"),
        (b'{"b": {"a": 1, "a": 2}}', "'a' is repeated"),
        (b'"\xff"', "not UTF-8: byte 1"),
        ("{}".encode("utf-16"), "not UTF-8"),
        (b'"\\ud800"', "half a surrogate"),
        (b'{"\\udfff": 1}', "half a surrogate"),
        (b"[" * 5_000, "too deeply"),
        (b"[" * 5_000 + b"]" * 5_000, "too deeply"),
        (b"[" * 100_000, "more than 50000 values"),
        (b"[" + b"1," * 50_000 + b"1]", "more than 50000 values"),
        (b'{"a": [' + b"{}," * 25_000 + b"{}]}", "more than 50000 values"),
        (b'["\\\\", "\\"", ' + b"1," * 50_000 + b"1]", "more than 50000 values"),
        (b"9" * 5000, "not valid JSON"),
        (b'{"quantity": 1e400}', "the number 1e400 is out of range"),
        (b"[-1e999]", "the number -1e999 is out of range"),
        (b"1e-400", "the number 1e-400 is out of range"),
        (b"[1e99999999999999999999]", "the number 1e99999999999999999999 is out of range"),
        (b"1." + b"0" * 60 + b"e999", "the number 1.0{38}….* is out of range"),
        (b'"a\x00b"', "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
    ],
)
def test_what_is_no_json_is_refused_with_a_sentence(raw: bytes, complaint: str) -> None:
    with pytest.raises(ParseError, match=complaint):
        parse_json(raw)


@pytest.mark.parametrize("text", ["," * 90_000, '",[{' * 20_000, "\\\\" + ',"[{' * 20_000 + "\\\\"])
def test_only_what_is_a_value_counts_as_one(text: str) -> None:
    assert parse_json(json.dumps({"text": text, "other": [text] * 2}).encode()) == {"text": text, "other": [text] * 2}
    assert len(parse_json(b"[" + b"1," * 49_998 + b"1]")) == 49_999


def test_a_node_may_say_more() -> None:
    assert len(parse_json(b"[" + b"1," * 60_000 + b"1]", most_values=None)) == 60_001


def test_what_is_written_by_json_is_read_by_it() -> None:
    value = {"text": "\x7f\u2028\ufeff", "nested": [[[[]]]], "numbers": [0, -1, 2**63, 1.5, 1e300]}
    read = parse_json(json.dumps(value).encode())
    assert read == {**value, "numbers": [0, -1, 2**63, Decimal("1.5"), Decimal("1e300")]}


@pytest.mark.parametrize("number", ["9.99000000000000000001", "9007199254740993.0", "0.1", "1e0", "-0.0", "1.50"])
def test_a_number_is_read_as_it_stands(number: str) -> None:
    read = parse_json(number.encode())
    assert isinstance(read, Decimal)
    assert read.as_tuple() == Decimal(number).as_tuple()
