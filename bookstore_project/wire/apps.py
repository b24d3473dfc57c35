from django.apps import AppConfig


class WireConfig(AppConfig):
    name = "bookstore_project.wire"
    label = "wire"
