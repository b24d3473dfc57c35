"""A list of the admin as a file: the rows that its filters leave, on all its pages, as of one moment."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse

from bookstore_project.replication.web.admin import ReplicatedAdmin

if TYPE_CHECKING:  # What it is mixed into has more of it.
    Base = ReplicatedAdmin
else:
    Base = object


class ExportedList(Base):
    """Adds `export/` to a ReplicatedAdmin: what `export` makes of the rows of the list."""

    export: Callable[[QuerySet[Any]], FileResponse]
    """Called inside of a gated read, which is over when it returns."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/", view, name=self._address_of("export")), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The rows of the list, on all its pages, with its filters."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])

        def answer() -> Any:
            try:
                return self.export(self.get_changelist_instance(request).get_queryset(request))
            except IncorrectLookupParameters:
                return HttpResponseRedirect(f"{reverse('admin:' + self._address_of('changelist'))}?{ERROR_FLAG}=1")

        return self.explained(request, lambda: self.through_replication(request, answer))

    def _address_of(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"
