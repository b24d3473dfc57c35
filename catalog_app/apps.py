from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog_app"
    verbose_name = "Catalog"

    def ready(self) -> None:
        from catalog_app import receivers, restocking

        receivers.connect()
        restocking.register()
