"""Reads pages as a browser would, as far as forms go."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self

VOID_VALUE = ""


@dataclass
class Form:
    """A form of a page; `method` is the one that its button means, also where a script has to say it."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def is_raw(self) -> bool:
        """Whether it is the browsable API's form for a body as text."""
        return "_content" in self.fields


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.text: list[str] = []
        self.links: list[str] = []
        self.assets: list[str] = []
        self._form: Form | None = None
        self._area: str | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or VOID_VALUE for name, value in attrs}
        if tag == "a":
            self.links.append(given.get("href", ""))
        if tag in ("link", "script", "img"):
            self.assets.append(given.get("href") or given.get("src", ""))
        if tag == "form":
            method = given.get("data-method") or given.get("method", "get")
            self._form = Form(given.get("action", ""), method.upper())
            self.forms.append(self._form)
        elif self._form is not None:
            self._member(tag, given, self._form)

    def _member(self, tag: str, given: dict[str, str], form: Form) -> None:
        name = given.get("name")
        if tag == "button" and "data-method" in given:
            form.method = given["data-method"].upper()
        elif tag == "input" and name:
            is_unticked = given.get("type") in ("checkbox", "radio") and "checked" not in given
            if not is_unticked:
                form.fields[name] = given.get("value", VOID_VALUE)
        elif tag == "textarea" and name:
            self._area = name
            form.fields[name] = VOID_VALUE
        elif tag == "select" and name:
            self._select = name
            form.fields[name] = VOID_VALUE
        elif tag == "option" and self._select and "selected" in given:
            form.fields[self._select] = given.get("value", VOID_VALUE)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            self._area = None
        elif tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        if self._form is not None and self._area is not None:
            self._form.fields[self._area] += data
        self.text.append(data)


@dataclass(frozen=True)
class Page:
    """What is on it."""

    forms: list[Form]
    links: list[str]
    assets: list[str]
    text: str

    @classmethod
    def of(cls, body: bytes) -> Self:
        reader = _Reader()
        reader.feed(body.decode())
        return cls(reader.forms, reader.links, reader.assets, " ".join(" ".join(reader.text).split()))

    def methods(self, path: str) -> set[str]:
        """The methods that changes at the path have forms for: logging out is none."""
        return {form.method for form in self.forms if form.action.partition("?")[0] == path} - {"GET", "OPTIONS"}

    def form(self, method: str, path: str, *, is_raw: bool = False) -> Form:
        return next(
            form
            for form in self.forms
            if (form.method, form.action.partition("?")[0], form.is_raw) == (method, path, is_raw)
        )
