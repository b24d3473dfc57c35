"""The front's routes: each with and without a trailing slash."""

from django.urls import URLPattern, URLResolver

from bookstore_project.api import internal_paths
from bookstore_project.api.cached_resources import BOOK, TOPIC, TOPICS, CachedResource
from bookstore_project.api.routes import common_routes, route
from bookstore_project.replication.conf import replication_settings
from frontend_app import order_views, views
from frontend_app.dashboard import drain_views, fault_views
from frontend_app.dashboard import views as site_views
from frontend_app.shop import basket_pages, buying, day, hand_outs, looking, orders

DETAIL, PRODUCT, INFO = BOOK.routes
(TITLES,) = TOPIC.routes
(ALL_TOPICS,) = TOPICS.routes


def resource_routes(resource: CachedResource) -> list[URLPattern]:
    """Of what has no view of its own above."""
    if resource in (BOOK, TOPIC, TOPICS):
        return []
    view = views.ResourceView.as_view(resource=resource)
    return [pattern for each in resource.routes for pattern in route(each, view, resource.name)]


urlpatterns: list[URLPattern | URLResolver] = [
    *route("api/v1/books/", views.BookListView.as_view(), "books"),
    *route(DETAIL, views.EditableBookView.as_view(), "book"),
    *route("api/v1/books/<int:book_id>/restock/", views.RestockView.as_view(), "restock"),
    *route("api/v1/books/<int:book_id>/history/", views.BookHistoryView.as_view(), "book-history"),
    *route(PRODUCT, views.BookView.as_view(), "product"),
    *route(INFO, views.BookView.as_view(), "info"),
    *route(TITLES, views.SearchView.as_view(), "search"),
    *route(ALL_TOPICS, views.TopicListView.as_view(), "topics"),
    *route("api/v1/orders/", views.OrderListView.as_view(), "orders"),
    *route("api/v1/orders/<uuid:order_id>/", views.OrderView.as_view(), "order"),
    *route("api/v1/orders/export/", views.OrderExportView.as_view(), "order-export"),
    *route("api/v1/orders/day/", views.DayView.as_view(), "day-data"),
    *route("api/v1/orders/<uuid:order_id>/cancel/", order_views.CancelView.as_view(), "order-cancel"),
    *route("api/v1/orders/<uuid:order_id>/collect/", order_views.CollectView.as_view(), "order-collect"),
    *route("api/v1/orders/<uuid:order_id>/reopen/", order_views.ReopenView.as_view(), "order-reopen"),
    *route("api/v1/orders/<uuid:order_id>/refund/", order_views.RefundView.as_view(), "order-refund"),
    *route("api/v1/orders/<uuid:order_id>/history/", order_views.HistoryView.as_view(), "order-history"),
    *route("purchase/<int:book_id>", views.PurchaseView.as_view(), "purchase"),
    *route("api/v1/cluster/", site_views.ClusterView.as_view(), "cluster-data"),
    *route("api/v1/cluster/nodes/<str:name>/drain/", drain_views.DrainView.as_view(), "drain"),
    *route("api/v1/cluster/nodes/<str:name>/undrain/", drain_views.UndrainView.as_view(), "undrain"),
    *route("api/v1/cluster/nodes/<str:name>/<str:action>/", fault_views.NodeControlView.as_view(), "control-node"),
    *route("api/v1/cluster/files/<str:name>/<str:action>/", fault_views.FileControlView.as_view(), "control-file"),
    *route("api/v1/cluster/rush/", fault_views.LoadBurstView.as_view(), "control-rush"),
    *route("api/v1/cluster/cache/clear/", fault_views.ClearView.as_view(), "control-clear"),
    *route("cluster/controls/<str:kind>/<str:action>/", fault_views.control_page, "control-store-page"),
    *route("cluster/controls/<str:kind>/<str:action>/<str:name>/", fault_views.control_page, "control-page"),
    *route("cluster/", site_views.cluster_page, "cluster"),
    *route("cluster/feed/", site_views.cluster_feed, "cluster-feed"),
    *route("cluster/live/", site_views.cluster_live, "cluster-live"),
    *route(internal_paths.PUSH[1:], site_views.PushView.as_view(), "push"),
    *route("", looking.home, "home")[1:],
    *route("books/<int:book_id>/", looking.book, "book-page"),
    *route("covers/<int:book_id>/<str:digest>.svg", looking.cover, "cover"),
    *route("basket/", basket_pages.basket, "basket"),
    *route("basket/put/", basket_pages.put, "basket-put"),
    *route("basket/change/", basket_pages.change, "basket-change"),
    *route("buy/", buying.buy, "buy"),
    *route("buy/again/", buying.again, "buy-again"),
    *route("day/", day.day, "day"),
    *route("day/collect/", hand_outs.collect, "day-collect"),
    *route("day/reopen/", hand_outs.reopen, "day-reopen"),
    *route("day/low/", day.running_low, "day-low"),
    *route("day/out/", day.sold_out, "day-out"),
    *route("orders/", orders.orders, "my-orders"),
    *route("orders/<uuid:order_id>/", orders.order, "order-page"),
    *(pattern for resource in replication_settings.known_resources for pattern in resource_routes(resource)),
    *common_routes(),
]
