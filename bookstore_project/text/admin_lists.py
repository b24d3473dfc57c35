"""Lists in the admin that are searched and sorted by search keys."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import lookup_spawns_duplicates
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from bookstore_project.text.canonical import UnfitText
from bookstore_project.text.search import containing

if TYPE_CHECKING:  # Generic for the type checker only.
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


class KeyedList(ChangeList):
    """Sorts a column of texts by the keys that `key_of` of its KeyedAdmin names."""

    model_admin: Any

    def get_ordering_field(self, field_name: Any) -> Any:
        """None if the list isn't sorted by that column, though an address may say so."""
        if self.sortable_by is not None and field_name not in self.sortable_by:
            return None
        field = super().get_ordering_field(field_name)
        return self.model_admin.key_of.get(field, field)

    def get_filters(self, request: HttpRequest) -> Any:
        if any("\0" in value for values in self.get_filters_params().values() for value in values):
            raise IncorrectLookupParameters("No row has a null character.")  # Nor can every engine be asked for one.
        return super().get_filters(request)

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
        except OverflowError as error:  # A number in the address that no column can hold.
            raise IncorrectLookupParameters("A number is too large.") from error


class KeyedAdmin(ModelAdmin):
    """A ModelAdmin whose search goes by the search keys of the texts among its `search_fields`."""

    key_of: Mapping[str, str] = {}
    """The columns of texts, each with that of its key."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeyedList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """All rows that have each word somewhere; of a search that no text can have, none, and the reason."""
        wanted: Sequence[str] = list(self.get_search_fields(request))
        if not search_term:
            return queryset, False
        try:
            found = self.searched(search_term, wanted)
        except UnfitText as error:
            messages.warning(request, str(error), fail_silently=True)
            return queryset.none(), False
        # Several rows beside one may have the words; it is one all the same. To see that, all of them are looked at.
        return queryset.filter(found), any(lookup_spawns_duplicates(self.opts, field) for field in wanted)

    def searched(self, search_term: str, wanted: Sequence[str]) -> Q:
        """The condition that each word is in one of these columns. Raises UnfitText."""
        keys = {self.key_of[field]: field for field in wanted if field in self.key_of}
        return containing(search_term, keys, [field for field in wanted if field not in self.key_of])
