from django.apps import AppConfig


class OrderConfig(AppConfig):
    name = "order_app"
    verbose_name = "Orders"

    def ready(self) -> None:
        from bookstore_project.nodes import batches
        from order_app import clients, sweeper

        sweeper.register()
        clients.register()
        batches.answered_by("/api/v1/orders/", "order_app.batches.buy")
