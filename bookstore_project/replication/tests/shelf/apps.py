from django.apps import AppConfig


class ShelfConfig(AppConfig):
    name = "bookstore_project.replication.tests.shelf"
    label = "shelf"
