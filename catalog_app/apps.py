from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog_app"
    verbose_name = "Catalog"

    def ready(self) -> None:
        from bookstore_project.api import internal_paths
        from bookstore_project.nodes import batches
        from catalog_app import receivers, restocking

        receivers.connect()
        restocking.register()
        batches.answered_by(internal_paths.SALES, "catalog_app.batches.sell")
