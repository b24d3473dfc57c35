from functools import partial

from django.apps import AppConfig, apps

from bookstore_project.replication.conf import replication_settings


class ReplicationConfig(AppConfig):
    name = "bookstore_project.replication"
    label = "replication"

    def ready(self) -> None:
        from prometheus_client import REGISTRY

        from bookstore_project.api import health
        from bookstore_project.replication import checks, metrics, reads, signals, texts
        from bookstore_project.replication.engine import engine
        from bookstore_project.replication.invalidation import pushes
        from bookstore_project.replication.service import get_service

        checks.register()
        if apps.is_installed("django.contrib.admin"):
            from bookstore_project.replication.web import checks as web_checks

            web_checks.register()
        engine.register_maintenance(pushes)
        signals.connect()
        texts.connect()
        name = replication_settings.service_of_node
        if name is not None:
            health.register_readiness(partial(reads.assert_readable, name))
            service = get_service(name)
            metrics.show(service.name, service.aliases)
            REGISTRY.register(engine.collector(service))
