"""The routes of this node: those of its service. Without a node (management commands), the front's."""

from bookstore_project.settings import topology

if topology.NODE and topology.NODE.service == topology.CATALOG:
    from catalog_app.urls import urlpatterns
elif topology.NODE and topology.NODE.service == topology.ORDER:
    from order_app.urls import urlpatterns
else:
    from frontend_app.urls import urlpatterns

handler400 = "bookstore_project.api.errors.bad_request"
handler403 = "bookstore_project.api.errors.permission_denied"
handler404 = "bookstore_project.api.errors.page_not_found"
handler500 = "bookstore_project.api.errors.server_error"

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
