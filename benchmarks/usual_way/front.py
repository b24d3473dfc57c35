"""The front: a cache, and round robin over the replicas."""

from itertools import cycle

import requests
from django.core.cache import cache
from django.urls import path
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from benchmarks.usual_way import nodes

TIMEOUT_S = 30
catalogs, orders = cycle(nodes.urls("catalog")), cycle(nodes.urls("order"))


@api_view(["GET"])
def product(request: Request, number: int) -> Response:
    """What was read before a sale may be set after that sale's message, and stays."""
    if (kept := cache.get(number)) is not None:
        return Response(kept)
    answer = requests.get(f"{next(catalogs)}/product/{number}", timeout=TIMEOUT_S)
    if answer.ok:
        cache.set(number, answer.json())
    return Response(answer.json(), status=answer.status_code)


@api_view(["POST"])
def purchase(request: Request, number: int) -> Response:
    answer = requests.post(f"{next(orders)}/purchase/{number}", timeout=TIMEOUT_S)
    if answer.status_code >= 500:
        return Response({"detail": "the order service failed"}, status=502)
    return Response(answer.json(), status=answer.status_code)


@api_view(["POST"])
def changed(request: Request, number: int) -> Response:
    """From a catalog: delete and set."""
    cache.delete(number)
    cache.set(number, request.data)
    return Response(status=204)


urlpatterns = [
    path("product/<int:number>", product),
    path("purchase/<int:number>", purchase),
    path("cache/<int:number>", changed),
]
