"""Migrations in less time: to render models takes most of it, and each database has few of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import router
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

Plan = list[tuple[Migration, bool]]
"""What Django calls so: migrations, and whether they are taken back."""
_executor: Any = MigrationExecutor
_all_forwards: Callable[..., ProjectState] = _executor._migrate_all_forwards
_all_backwards: Callable[..., ProjectState] = _executor._migrate_all_backwards


@contextmanager
def own_tables_only() -> Iterator[None]:
    """Within it, migrations of apps that have no table in a database are put on its record, and nothing more.

    They would do nothing there: the router says so to each of their operations.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MigrationExecutor, "_migrate_all_forwards", _forwards)
        patch.setattr(MigrationExecutor, "_migrate_all_backwards", _backwards)
        yield


def _forwards(self: Any, state: ProjectState, plan: Plan, full_plan: Plan, **options: bool) -> ProjectState:
    own, others = _divided(self, plan)
    if others:
        vars(state).pop("apps", None)  # Rendered again when all of them are noted, instead of with each.
    for migration in [each for each, _ in full_plan if each in others]:
        migration.mutate_state(state, preserve=False)
        self.record_migration(migration)
    return _all_forwards(self, state, own, full_plan, **options)


def _backwards(self: Any, plan: Plan, full_plan: Plan, fake: bool) -> ProjectState:
    own, others = _divided(self, plan)
    for migration in others:
        self.recorder.record_unapplied(migration.app_label, migration.name)
    if own:
        return _all_backwards(self, own, full_plan, fake)
    state: ProjectState = self._create_project_state(with_applied_migrations=True)
    return state


def _divided(executor: Any, plan: Plan) -> tuple[Plan, list[Migration]]:
    """What concerns the database, and what doesn't."""
    alias = executor.connection.alias
    own = [step for step in plan if router.allow_migrate(alias, step[0].app_label)]
    return own, [step[0] for step in plan if step not in own]
