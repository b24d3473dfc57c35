from django.apps import AppConfig


class WireConfig(AppConfig):
    name = "bookstore_project.wire"
    label = "wire"

    def ready(self) -> None:
        from bookstore_project.wire import defects

        defects.watch()
