from django.apps import AppConfig


class FrontendConfig(AppConfig):
    name = "frontend_app"
    verbose_name = "Front"

    def ready(self) -> None:
        from prometheus_client import REGISTRY

        from frontend_app import runtime
        from frontend_app.dashboard.metrics import FrontCollector

        if runtime.is_front():
            REGISTRY.register(FrontCollector())
