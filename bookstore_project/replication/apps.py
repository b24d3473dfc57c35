from functools import partial

from django.apps import AppConfig


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
        from bookstore_project.settings import topology

        checks.register()
        engine.register_maintenance(pushes)
        signals.connect()
        texts.connect()
        node = topology.NODE
        if node is not None and node.service in topology.APPS_OF_SERVICE:
            health.register_readiness(partial(reads.assert_readable, node.service))
            service = get_service(node.service)
            metrics.show(service.name, service.aliases)
            REGISTRY.register(engine.collector(service))
