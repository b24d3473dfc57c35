from django.apps import AppConfig


class ClusterConfig(AppConfig):
    name = "bookstore_project.cluster"
    label = "cluster"
