from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "bookstore_project.replication.tests.desk"
    label = "desk"
