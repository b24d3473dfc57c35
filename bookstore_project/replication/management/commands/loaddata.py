"""`loaddata` for replicated models: one replicated transaction, whichever copy `--database` names."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import loaddata
from django.core.serializers.base import DeserializedObject

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable, WriteRefused
from bookstore_project.replication.service import get_service, service_of_app
from bookstore_project.replication.transaction import active_attempt, run


class Command(loaddata.Command):
    def handle(self, *fixture_labels: Any, **options: Any) -> None:
        service = replication_settings.service_of_alias.get(options["database"])
        if service is None:
            super().handle(*fixture_labels, **options)
            return

        def load() -> None:
            attempt = active_attempt()
            assert attempt is not None
            super(Command, self).handle(*fixture_labels, **options | {"database": attempt.lead_alias})

        try:
            run(service, load)
        except (Unavailable, WriteRefused) as error:
            raise CommandError(error.detail) from error

    def save_obj(self, obj: DeserializedObject) -> bool:
        meta = obj.object._meta
        service = service_of_app(meta.app_label)
        if service is not None and self.using not in get_service(service).aliases:
            # Django would leave it out, and say nothing.
            raise CommandError(
                f"{meta.label} is kept by the {service} service: load it with "
                f"--database {get_service(service).aliases[0]} (both copies get it)."
            )
        saved: bool = super().save_obj(obj)
        return saved
