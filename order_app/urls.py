"""The routes of an order replica."""

from bookstore_project.api import internal_paths
from bookstore_project.api.routes import admin_routes, common_routes, route
from bookstore_project.replication.web.views import StatusView
from bookstore_project.settings import topology
from order_app import change_views, views

urlpatterns = [
    *route("api/v1/orders/", views.OrderList.as_view(), "order-list"),
    *route("api/v1/orders/<uuid:order_id>/", views.OrderDetail.as_view(), "order-detail"),
    *route("api/v1/orders/export/", views.OrderExport.as_view(), "order-export"),
    *route("api/v1/orders/day/", views.DayView.as_view(), "day"),
    *route("api/v1/orders/<uuid:order_id>/cancel/", change_views.OrderCancel.as_view(), "order-cancel"),
    *route("api/v1/orders/<uuid:order_id>/collect/", change_views.OrderCollect.as_view(), "order-collect"),
    *route("api/v1/orders/<uuid:order_id>/reopen/", change_views.OrderReopen.as_view(), "order-reopen"),
    *route("api/v1/orders/<uuid:order_id>/refund/", change_views.OrderRefund.as_view(), "order-refund"),
    *route("api/v1/orders/<uuid:order_id>/history/", change_views.OrderHistory.as_view(), "order-history"),
    *route("purchase/<int:book_id>", views.BookPurchase.as_view(), "purchase"),
    *route(internal_paths.ORDERS[1:], views.OrdersById.as_view(), "orders-by-id"),
    *route(internal_paths.STATUS[1:], StatusView.as_view(service=topology.ORDER), "status"),
    *common_routes(),
    *admin_routes(),
]

handler400 = "bookstore_project.api.errors.bad_request"
handler403 = "bookstore_project.api.errors.permission_denied"
handler404 = "bookstore_project.api.errors.page_not_found"
handler500 = "bookstore_project.api.errors.server_error"
