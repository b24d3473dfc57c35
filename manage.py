#!/usr/bin/env python3
"""Django's command line; `--node NAME` before or after the command stands for BOOKSTORE_NODE=NAME."""

import os
import sys


def take_node(argv: list[str]) -> list[str]:
    """Move `--node NAME` (or `--node=NAME`) from the arguments into the environment."""
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--node":
            os.environ["BOOKSTORE_NODE"] = next(words, "")
        elif word.startswith("--node="):
            os.environ["BOOKSTORE_NODE"] = word.partition("=")[2]
        else:
            rest.append(word)
    return rest


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bookstore_project.settings.base")
    argv = take_node(sys.argv)
    if argv[1:] == ["cluster"]:
        from bookstore_project.cluster import early

        early.begin()
    try:
        from django.core.management import execute_from_command_line
    except ImportError as error:
        raise SystemExit(
            f"{error}. Run `make run` once, or `make .venv`, then use .venv/bin/python manage.py"
        ) from error
    from django.core.exceptions import ImproperlyConfigured

    try:
        execute_from_command_line(argv)
    except ImproperlyConfigured as error:
        raise SystemExit(f"manage.py: {error}") from None


if __name__ == "__main__":
    main()
