"""Makes a data folder ready to sell from: folders, secrets, databases, the books of the course, the staff account.

Every step looks first and does only what is missing, in an order that a kill can't spoil: the next run finishes.
"""

import secrets
from collections.abc import Callable
from io import StringIO
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connections

from bookstore_project import files
from bookstore_project.api.problems import StoreError, Unavailable
from bookstore_project.cluster import lock, secrets_on_record
from bookstore_project.replication.engine import engine
from bookstore_project.replication.service import get_service
from bookstore_project.settings import base, environment, secret_files, topology
from bookstore_project.static_files import collecting

STAFF = "staff"
Say = Callable[[str], None]


def prepare(say: Say) -> None:
    """Prepares the store; `say` is told what was done. Two at once wait for one another, on several hosts, too.

    Leaves no database connection open: what comes next may start processes.
    """
    make_folders()
    ensure_secrets()
    with lock.exclusive(topology.RUN_DIR, wait=True):
        try:
            with engine.preparing():
                migrate(say)
                secrets_on_record.agree()
                ensure_staff(say)
                attempt("seed_books", say)
            collect_static_files(say)
        except Unavailable as error:
            raise CommandError(error.detail) from error
        except secret_files.Unusable as error:
            raise CommandError(str(error)) from error
        finally:
            connections.close_all()


def ensure_secrets() -> None:
    """They are made before there is any data, and never again. Raises CommandError: how to bring one back."""
    try:
        secret_files.ensure(lambda: any(engine.has_history(get_service(name)) for name in topology.SERVICES))
        settings.SECRET_KEY = secret_files.read(secret_files.SECRET_KEY)
    except (ImproperlyConfigured, OSError) as error:
        raise CommandError(str(error)) from error


def migrate(say: Say) -> None:
    """Every database. What is wrong with a service's files is told, and stops neither the other nor the nodes."""
    call_command("migrate", database=topology.ACCOUNTS, verbosity=0, interactive=False)
    for service in topology.SERVICES:
        first, *_ = topology.database_aliases(service)
        attempt("migrate", say, database=first, interactive=False)


def attempt(command: str, say: Say, **options: Any) -> None:
    """Calls a management command; an error that an operator can do something about is told."""
    told = StringIO()
    try:
        call_command(command, verbosity=0, stderr=told, **options)
    except (CommandError, StoreError, DatabaseError) as error:
        told.write(str(error))
    for line in told.getvalue().splitlines():
        say(line)


def make_folders() -> None:
    """Everything under the data folder is its owner's alone."""
    folders = [topology.DATA, topology.RUN_DIR, topology.LOG_DIR]
    folders += [topology.database_file(alias).parent for alias in settings.DATABASES if alias in topology.NODES]
    folders += [topology.witness_file(service).parent for service in topology.SERVICES]
    for folder in folders:
        files.make_folder(folder)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)


def collect_static_files(say: Say) -> None:
    """Without them pages work, too, and take longer to load."""
    try:
        collecting.collect()
    except (OSError, ValueError, CommandError) as error:
        say(f"Static files weren't collected, and go out uncompressed: {error}")


def ensure_staff(say: Say) -> None:
    """There is an account `staff`, with the password of BOOKSTORE_STAFF_PASSWORD or a generated one.

    The password's file says which one was set last. A password that staff changed by hand is left alone.
    """
    wanted = environment.text("STAFF_PASSWORD")
    stored = _stored_password()
    user = get_user_model().objects.filter(username=STAFF).first()
    if user is None:
        # A generated password must be on disk before it counts, or a kill would leave one that nobody knows.
        if not wanted and not stored:
            stored = secrets.token_urlsafe(12)
            _store_password(stored)
        _set_password(get_user_model()(username=STAFF), wanted or stored)
        say(f"Created the account `{STAFF}`.")
    elif wanted and wanted != stored:
        _set_password(user, wanted)
        say(f"Set the password of `{STAFF}` to BOOKSTORE_STAFF_PASSWORD.")
    if wanted and wanted != stored:
        # After the account: killed in between, the next run sees the difference and does both again.
        _store_password(wanted)


def _set_password(user: AbstractUser, password: str) -> None:
    user.is_staff = user.is_superuser = user.is_active = True
    user.set_password(password)
    user.save()


def _stored_password() -> str:
    try:
        return files.read(base.STAFF_PASSWORD_FILE).decode().strip()
    except (OSError, UnicodeDecodeError):  # The account has its own idea of it.
        return ""


def _store_password(password: str) -> None:
    files.write(base.STAFF_PASSWORD_FILE, f"{password}\n".encode(), sync=True)
