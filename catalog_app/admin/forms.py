"""Forms that stay open for a while, over books that are sold meanwhile."""

from typing import TYPE_CHECKING, Any

from django import forms

from bookstore_project.api.representations import MAX_STOCK, OUT_OF_BOUNDS
from bookstore_project.replication.transaction import verify
from catalog_app.models import Book

if TYPE_CHECKING:  # Generic for the type checker only.
    ModelForm = forms.ModelForm[Book]
else:
    ModelForm = forms.ModelForm


class BookForm(ModelForm):
    """Knows what its page showed: what wasn't touched isn't written, what somebody else changed isn't overwritten.

    Each field sends along the value that was shown (Django's `show_hidden_initial`). A client that leaves these out
    says nothing of what it saw: it sets what it sends.
    """

    class Meta:
        model = Book
        fields = ("title", "authors", "isbn13", "topic", "price", "quantity", "retired")
        error_messages = {"quantity": OUT_OF_BOUNDS["quantity"]}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            is_told = not self.is_bound or self[name].html_initial_name in self.data
            field.show_hidden_initial = self.instance.pk is not None and is_told

    def clean_price(self) -> Any:
        price = self.cleaned_data["price"]
        if price is not None and price < 0:
            raise forms.ValidationError(OUT_OF_BOUNDS["price"]["min_value"])
        return price

    def clean_quantity(self) -> Any:
        quantity = self.cleaned_data["quantity"]
        if quantity is not None and quantity > MAX_STOCK:
            raise forms.ValidationError(OUT_OF_BOUNDS["quantity"]["max_value"])
        return quantity

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        for name in self.changed_data:
            if self.fields[name].show_hidden_initial and name not in self.errors:
                self._refuse_to_overwrite(name)
        return cleaned

    def _refuse_to_overwrite(self, name: str) -> None:
        verify(self.instance)  # A damaged row is no reason to refuse: the transaction goes on with the other file.
        field, bound = self.fields[name], self[name]
        current = self.get_initial_for_field(field, name)
        shown = field.hidden_widget().value_from_datadict(self.data, self.files, bound.html_initial_name)
        if not field.has_changed(current, shown) or not field.has_changed(current, bound.data):
            return
        self.add_error(
            name,
            f"This is {_words(current)} now; it was {_words(shown)} when the page was shown. Nothing was saved. "
            "Save again to overwrite it, or reload the page to leave it.",
        )
        # The page that tells it has shown the new value: whoever saves it again knows what they overwrite.
        sent = {key: self.data[key] for key in self.data}
        self.data = {**sent, bound.html_initial_name: "" if current is None else str(current)}

    def _post_clean(self) -> None:
        # A row of the list that nobody touched needs no looking at, under the lock.
        if self.instance.pk is None or self.changed_data:
            super()._post_clean()  # type: ignore[misc]  # Django's stubs leave it out.


class BookRowForm(BookForm):
    """One of many on a page, where a column's head says to those who see it what a field is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = f"{field.label} of {self.instance.title}"


def _words(value: Any) -> str:
    return "empty" if value in (None, "") else str(value)
