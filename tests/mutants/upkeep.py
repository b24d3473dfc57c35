"""Breaks of what happens to a store beside its work: compaction, migrations, processes of other code."""

from tests.mutants import rooms
from tests.mutants.mutant import Mutant, mutant

COMPACTION, MIGRATION = (
    "bookstore_project/replication/sqlite_pair/repair/compaction.py",
    "bookstore_project/replication/sqlite_pair/repair/migration.py",
)
MIGRATED = f"{rooms.REPAIR}/test_live_migration.py"

MUTANTS: tuple[Mutant, ...] = (
    mutant(
        "a write of long ago has looked at the files",
        "a file that was replaced in a quiet hour is found by the next customer, not before",
        "bookstore_project/replication/sqlite_pair/repair/maintenance.py",
        "        return traces != self._seen and self._found_sound == before\n",
        "        return traces != self._seen and not self._found_sound\n",
        f"{rooms.REPAIR}/test_maintenance.py::test_a_write_of_this_process_has_looked_already",
    ),
    mutant(
        "maintenance rests while others write",
        "a busy store sells from one file for half a minute, and stops if that is lost",
        "bookstore_project/replication/sqlite_pair/repair/maintenance.py",
        "        return traces == self._seen or self._is_whole()\n",
        "        return True\n",
        f"{rooms.REPAIR}/test_maintenance.py::test_what_a_write_took_out_is_brought_back_though_others_follow_all_the_time",
    ),
    mutant(
        "a compaction drops what isn't settled",
        "a sale that one file has can't be brought to the other any more",
        COMPACTION,
        "    target = (witness.floor - replication_settings.log_keep) // step * step\n",
        "    heads = [_head_of(alias, witness) or 0 for alias in witness.in_sync]\n"
        "    target = max(heads) - replication_settings.log_keep\n",
        f"{rooms.REPAIR}/test_compaction.py::test_nothing_in_doubt_and_nothing_unsettled_is_dropped",
    ),
    mutant(
        "a compaction drops what a file that is out still needs",
        "a short fault costs a copy of the whole file, during which one copy is all there is",
        COMPACTION,
        "            target = min(target, max(head,",
        "            min(target, max(head,",
        f"{rooms.REPAIR}/test_compaction.py::test_what_a_file_out_of_sync_needs_is_kept_for_it",
    ),
    mutant(
        "a migration doesn't wait the leases out",
        "a front goes on showing books as they were before the migration",
        MIGRATION,
        "    wait_out_leases()\n",
        "",
        f"{MIGRATED}::test_nobody_is_in_sync_while_leases_are_waited_out",
    ),
    mutant(
        "a migration goes on in the same timeline",
        "a front goes on showing books as they were before the migration",
        MIGRATION,
        "timeline=new_timeline(), in_sync=(first,)",
        "in_sync=(first,)",
        f"{MIGRATED}::test_nobody_is_in_sync_while_leases_are_waited_out",
    ),
    mutant(
        "files made for other code are written",
        "a column that this process doesn't know is lost from every row that it changes",
        "bookstore_project/replication/sqlite_pair/files/schema_version.py",
        "        raise OtherCode(\n",
        "        str(\n",
        f"{rooms.FILES}/test_schema_version.py::test_whatever_it_tries_is_refused_and_nobody_evicted[write]",
        f"{rooms.FILES}/test_schema_version.py::test_whatever_it_tries_is_refused_and_nobody_evicted[read]",
    ),
    mutant(
        "a reference that would dangle is called an unknown outcome",
        "staff who may delete a row or not are told that nobody knows",
        "bookstore_project/replication/sqlite_pair/commit/recovery.py",
        "            if not done and not failed:\n",
        "            if False:\n",
        f"{rooms.REPLICATION}/test_unusual_writes.py::test_a_reference_that_would_dangle_is_the_callers_error",
    ),
    mutant(
        "a node that was stopped before its first line is left",
        "two processes of one node run at once, when the stopped one is continued",
        "bookstore_project/cluster/forkserver.py",
        "    os.kill(pid, signal.SIGKILL)\n    os.waitpid(pid, 0)\n    raise Unavailable",
        "    raise Unavailable",
        "bookstore_project/cluster/tests/test_forkserver.py"
        "::test_a_node_stopped_with_it_before_its_first_line_is_ended_and_started_anew",
    ),
    mutant(
        "a book that an import has made is free for its next batch",
        "a book of an export gets lost: another edition's row takes the one before it for itself",
        "catalog_app/importing/batches.py",
        "Step(known_books.step().claimed | made)",
        "Step(known_books.step().claimed)",
        "catalog_app/tests/test_same_title.py"
        "::test_an_export_into_an_empty_store_gives_the_same_books[pair-1-1-update1]",
    ),
    mutant(
        "a row of an export takes the book that another row names by its ISBN",
        "an export that is imported into a store with some of its books loses one of the others",
        "catalog_app/importing/known_books.py",
        " and known.isbn13 not in named",
        "",
        "catalog_app/tests/test_same_title.py"
        "::test_an_export_into_a_store_with_some_of_its_books_adds_the_others[the-one-with-an-isbn-1-update0]",
    ),
    mutant(
        "a row of an export doesn't wait for the rows after it",
        "of two books of one title the wrong one is found, and the other gets a second copy",
        "catalog_app/importing/known_books.py",
        "together[row.identity].append(row)",
        "together[row.identity][:] = together[row.identity] or [row]",
        "catalog_app/tests/test_same_title.py"
        "::test_an_export_into_a_store_with_some_of_its_books_adds_the_others[the-second-of-two-1-update0]",
    ),
)
