from django.apps import AppConfig


class ArchiveConfig(AppConfig):
    name = "bookstore_project.archive"
    label = "archive"

    def ready(self) -> None:
        from bookstore_project.archive import consequences

        consequences.connect()
