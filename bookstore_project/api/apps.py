from django.apps import AppConfig


class APIConfig(AppConfig):
    name = "bookstore_project.api"
    label = "api"

    def ready(self) -> None:
        from bookstore_project.nodes import unhandled_exceptions

        unhandled_exceptions.watch()
