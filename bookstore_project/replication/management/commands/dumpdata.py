"""`dumpdata` for replicated models: one moment of the copy that `--database` names."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import dumpdata

from bookstore_project.replication import reads
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.service import get_service, service_of_app


class Command(dumpdata.Command):
    def handle(self, *app_labels: Any, **options: Any) -> None:
        alias = options["database"]
        for label in app_labels:
            service = service_of_app(label.partition(".")[0])
            if service is not None and alias not in get_service(service).aliases:
                # Django would write an empty list.
                raise CommandError(
                    f"{label} is kept by the {service} service: dump it with "
                    f"--database {get_service(service).aliases[0]}."
                )
        kept_by = replication_settings.service_of_alias.get(alias)
        if kept_by is None:
            super().handle(*app_labels, **options)
            return
        try:
            with reads.reading(kept_by, alias=alias):
                super().handle(*app_labels, **options)
        except Unavailable as error:
            raise CommandError(error.detail) from error
