"""Conditions on thousands of numbers: as one parameter, where Django would look at each of them several times."""

import json
from collections.abc import Iterable
from typing import Any

from django.db import models


class Numbers(models.Func):
    """The right side of `pk__in`, of whole numbers."""

    template = "SELECT value FROM json_each(%(expressions)s)"
    output_field = models.BigIntegerField()

    def __init__(self, numbers: Iterable[int]) -> None:
        super().__init__(models.Value(json.dumps(list(numbers)), output_field=models.TextField()))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "SELECT value::bigint FROM json_array_elements_text((%(expressions)s)::json)"
        return super().as_sql(compiler, connection, template=template, **context)
