"""What a client sends, as the JSON that goes on to a replica. The replica judges the values, not the front."""

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.http.request import RawPostDataException
from rest_framework import serializers
from rest_framework.request import Request

from bookstore_project.api import problems
from bookstore_project.api.fields import FORM_EXTRAS, made_once
from bookstore_project.api.renderers import canonical_json

Form = type[serializers.Serializer[Any]]


def json_body(request: Request, form: Form) -> bytes:
    """The body as JSON text: as it came, or made from a form with those fields.

    Raises ParseError, UnsupportedMediaType, UnsupportedEncoding, Invalid.
    """
    raw = _raw(request)
    data = request.data
    return canonical_json(form_fields(data, form)) if isinstance(data, QueryDict) else raw or b"{}"


def purchase_body(request: Request, book_id: int, form: Form) -> bytes:
    """The body of a purchase whose address names the book. Raises as `json_body` does."""
    _raw(request)
    data = request.data
    members = form_fields(data, form) if isinstance(data, QueryDict) else data
    if not isinstance(members, dict):
        raise problems.Invalid({"non_field_errors": [f"Expected an object, but got {type(members).__name__}."]})
    if "book" in members:
        raise problems.Invalid({"book": ["Unknown field."]})
    return canonical_json({"book": book_id, **members})


def form_fields(data: QueryDict, form: Form) -> dict[str, Any]:
    """A form's fields; what browsers send for a field left empty counts as not sent, where it may be left out."""
    fields: dict[str, Any] = {}
    refused: dict[str, list[str]] = {}
    for name in data:
        values = data.getlist(name)
        if name in FORM_EXTRAS:
            continue
        if len(values) > 1:
            refused[name] = ["Given more than once."]
        elif isinstance(values[0], UploadedFile):
            refused[name] = ["A file is not expected here."]
        elif values[0] != "" or not _may_be_left_out(form, name):
            fields[name] = values[0]
    if refused:
        raise problems.Invalid(refused)
    return fields


def _may_be_left_out(form: Form, name: str) -> bool:
    field = made_once(form).fields.get(name)
    return field is not None and not field.required and not getattr(field, "allow_blank", False)


def _raw(request: Request) -> bytes:
    # Before `request.data` is looked at, or Django says that the stream has been read.
    try:
        raw: bytes = request.body
    except RawPostDataException:
        return b""  # The check against forgery has read it, in parts, as a form: `request.data` has its fields.
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if raw and coding != "identity":
        raise problems.UnsupportedEncoding(f"Bodies in the coding {coding[:40]!r} are not read here: send it plain.")
    return raw
