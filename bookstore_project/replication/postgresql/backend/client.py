"""`dbshell`: psql, which is told with `-readonly`, as sqlite3 is, that it may only read."""

from collections.abc import Iterable
from typing import Any

from django.db.backends.postgresql import client

READ_ONLY = "-readonly"


class DatabaseClient(client.DatabaseClient):
    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        given = list(parameters)
        arguments, environment = super().settings_to_cmd_args_env(
            settings_dict, [each for each in given if each != READ_ONLY]
        )
        mode = "on" if READ_ONLY in given else "off"
        return arguments, {**(environment or {}), "PGOPTIONS": f"-c default_transaction_read_only={mode}"}
