from django.apps import AppConfig


class OrderConfig(AppConfig):
    name = "order_app"
    verbose_name = "Orders"

    def ready(self) -> None:
        from order_app import clients, sweeper

        sweeper.register()
        clients.register()
