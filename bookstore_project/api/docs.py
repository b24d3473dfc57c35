"""The OpenAPI document and its page: to be read, and nothing else."""

from typing import Any

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookstore_project.api.renderers import JSONRenderer


class ReadOnlyView(APIView):
    """Refuses all methods but GET and HEAD, and whatever it refuses, it refuses with a problem document."""

    http_method_names = ["get", "head"]
    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if str(request.method).lower() not in self.http_method_names:
            self.http_method_not_allowed(request)
        super().initial(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)
        if isinstance(final, Response) and final.exception:
            # The renderers of these views make a page or a schema of whatever they are given, or fail.
            final.accepted_renderer = JSONRenderer()
            final.accepted_media_type = JSONRenderer.media_type
        return final


class SchemaView(ReadOnlyView, SpectacularAPIView):
    """OpenAPI 3."""


class DocsView(ReadOnlyView, SpectacularSwaggerView):
    """The schema, to read and to try."""

    url_name = "schema"
    template_name = "api/docs.html"
