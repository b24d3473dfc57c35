"""An order service: sells at a catalog, and notes the order."""

from itertools import cycle

import requests
from django.urls import path
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from benchmarks.usual_way import copies, nodes
from benchmarks.usual_way.models import Order, OrderSerializer

catalogs = cycle(nodes.urls("catalog"))


@api_view(["POST"])
def purchase(request: Request, number: int) -> Response:
    """What fails after the sale leaves a copy sold to nobody."""
    sale = requests.post(f"{next(catalogs)}/sell/{number}", timeout=copies.TIMEOUT_S)
    if not sale.ok:
        return Response({"detail": "not sold"}, status=sale.status_code)
    sold = sale.json()
    order = Order(book=number, title=sold["title"], price=sold["price"])
    order.save()
    return Response(OrderSerializer(order).data, status=201)


urlpatterns = [path("purchase/<int:number>", purchase)]
