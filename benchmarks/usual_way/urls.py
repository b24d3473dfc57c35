"""The routes of this process's service, which alone is imported."""

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from benchmarks.usual_way import nodes


def is_up(request: HttpRequest) -> HttpResponse:
    return HttpResponse("up\n", content_type="text/plain")


urlpatterns: list[URLPattern] = [path("up", is_up)]
if nodes.SERVICE == "front":
    from benchmarks.usual_way import front

    urlpatterns += [
        path("product/<int:number>", front.product),
        path("purchase/<int:number>", front.purchase),
        path("cache/<int:number>", front.changed),
    ]
elif nodes.SERVICE == "catalog":
    from benchmarks.usual_way import catalog

    urlpatterns += [path("product/<int:number>", catalog.book), path("sell/<int:number>", catalog.sell)]
else:
    from benchmarks.usual_way import orders

    urlpatterns += [path("purchase/<int:number>", orders.purchase)]
