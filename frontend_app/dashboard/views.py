"""The front's pages about itself, and the route by which catalog replicas push to it."""

import time
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookstore_project.api import headers
from bookstore_project.api.health import read_only
from bookstore_project.api.log_remarks import remark
from bookstore_project.api.permissions import IsService
from bookstore_project.api.renderers import JSONRenderer
from bookstore_project.api.request_id import current_request_id
from bookstore_project.api.schema_notes import described
from frontend_app.cache import pushes
from frontend_app.dashboard import fault_views, state
from frontend_app.dashboard.serializers import ClusterFields
from frontend_app.monitoring import journal
from frontend_app.monitoring.trace import current_trace
from frontend_app.picture.scene import scene
from frontend_app.runtime import front

RENEW = "renew"
"""What the cluster page's address asks for, so that a browser without JavaScript loads it anew all the time."""


@read_only
def cluster_page(request: HttpRequest) -> HttpResponse:
    offers = fault_views.offers(request)
    targets = offers["node_controls"]
    if not settings.IS_BREAKABLE:
        targets = [(node, []) for node, _ in targets]
    renewal = {"is_renewed": RENEW in request.GET, "renew": RENEW}
    return _cluster(request, "frontend_app/cluster.html", {**offers, **renewal, "scene": scene(front(), targets)})


@read_only
def cluster_live(request: HttpRequest) -> HttpResponse:
    """What changes of the cluster page: it fetches this every two seconds."""
    return _cluster(request, "frontend_app/cluster_live.html", {})


@read_only
def cluster_feed(request: HttpRequest) -> HttpResponse:
    """Where no event loop tells what happens (`picture.stream`), nothing is: after 204, browsers don't ask again."""
    return HttpResponse(status=HTTPStatus.NO_CONTENT, headers={"Cache-Control": "no-store"})


def _cluster(request: HttpRequest, template: str, more: dict[str, Any]) -> HttpResponse:
    told = state.describe(front(), is_for_staff=fault_views.sees_orders(request))
    context = {**told, "now": journal.timestamp(time.time()), "source": current_trace().source(), **more}
    response = render(request, template, context)
    response.headers["Cache-Control"] = "no-store"
    return response


class ClusterView(APIView):
    """Nodes, cache, recent requests and events; for staff, with the addresses that were asked for."""

    permission_classes = (AllowAny,)

    @described(responses=ClusterFields)
    def get(self, request: Request) -> Response:
        """Shows the store as this front sees it."""
        return Response(state.describe(front(), is_for_staff=fault_views.sees_orders(request)))


@described(exclude=True)
class PushView(APIView):
    """A catalog replica's push, where no event loop takes it before."""

    permission_classes = (IsService,)
    renderer_classes = (JSONRenderer,)

    def post(self, request: Request) -> Response:
        taken = pushes.take(front().coherence, request.data, request.headers.get(headers.FRONT_INSTANCE))
        response = Response(taken or {}, status=HTTPStatus.CONFLICT if taken is None else HTTPStatus.OK)
        if said := [text for _, text in pushes.effects(request.data, current_request_id())]:
            remark(response, "; ".join(said))
        return response
