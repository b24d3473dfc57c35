"""What the store's own views have in common: input that is checked, and pages of lists."""

from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from bookstore_project.api.fields import METHOD_EXTRA, StrictFields, checked_fields


class StoreView(GenericAPIView[Any]):
    """`serializer_class` is what the view takes; the browsable API makes its forms from it."""

    serializer_class: type[serializers.Serializer[Any]] = StrictFields

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Without scripts a browser can only post a form; one for a PATCH says so, where nothing else is posted."""
        is_taken = hasattr(self, "post") or not hasattr(self, "patch")
        if request.method == "POST" and not is_taken and request.POST.get(METHOD_EXTRA) == "PATCH":
            request.method = "PATCH"
            # Of what isn't posted, the check against forgery looks at the header alone.
            request.META.setdefault(settings.CSRF_HEADER_NAME, request.POST.get("csrfmiddlewaretoken", ""))
        return super().initialize_request(request, *args, **kwargs)

    def checked(self, request: Request, *, partial: bool = False) -> dict[str, Any]:
        """What was sent, as the serializer wants it; with `partial`, no more than that. Raises ValidationError."""
        if not partial:
            return checked_fields(self.serializer_class, request.data)
        serializer = self.get_serializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def page_of(self, rows: QuerySet[Any] | Sequence[Any], render: Callable[[Any], Any]) -> Response:
        """The page that is asked for, rendered row by row. Raises ValidationError, NotFound past the end."""
        return self.get_paginated_response([render(row) for row in self.paginate_queryset(rows) or ()])
