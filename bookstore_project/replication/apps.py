from functools import partial

from django.apps import AppConfig


class ReplicationConfig(AppConfig):
    name = "bookstore_project.replication"
    label = "replication"

    def ready(self) -> None:
        from prometheus_client import REGISTRY

        from bookstore_project.replication import caretaker, checks, gate, metrics, signals, texts
        from bookstore_project.replication.service import get_service
        from bookstore_project.replication.standing import Standing
        from bookstore_project.settings import topology
        from bookstore_project.wire import health

        checks.register()
        caretaker.register()
        signals.connect()
        texts.connect()
        node = topology.NODE
        if node is not None and node.service in topology.APPS_OF_SERVICE:
            health.register_readiness(partial(gate.assert_readable, node.service))
            service = get_service(node.service)
            metrics.show(service.name, service.aliases)
            REGISTRY.register(Standing(service))
