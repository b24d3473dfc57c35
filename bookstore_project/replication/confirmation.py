"""How a command that takes something back asks first."""

import sys

from django.core.management.base import CommandError, OutputWrapper


def confirm(question: str, *, is_sure: bool, output: OutputWrapper) -> None:
    """Returns if the operator is sure; raises CommandError otherwise, or if there is nobody to ask."""
    if is_sure:
        return
    if not sys.stdin.isatty():
        raise CommandError("Nothing was done: there is no terminal to ask at. If you are sure, say --yes.")
    output.write(f"{question} [y/N] ", ending="")
    output.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandError("Nothing was done.")
