"""Breaks of a write's steps: both files, in order, and what a dead writer left."""

from tests.mutants import rooms
from tests.mutants.mutant import Edit, Mutant, mutant

ATTEMPT, OPENING, SETTLE, LOG, MUTEX = (
    "bookstore_project/replication/sqlite_pair/commit/attempt.py",
    "bookstore_project/replication/sqlite_pair/commit/opening.py",
    "bookstore_project/replication/sqlite_pair/commit/recovery.py",
    "bookstore_project/replication/log/entries.py",
    "bookstore_project/replication/sqlite_pair/locks/mutex.py",
)
DEFAULT_DATABASE = "bookstore_project/replication/writing/default_database.py"
STEPS = f"{rooms.COMMIT}/test_order_of_steps.py"
HISTORY = "catalog_app/tests/test_history.py"

COMMIT = """        witness = self._commit(opening)
        reached("committed")
"""
RAISE_FLOOR = "        self._raise_floor(witness, appended[-1].position)"
EVICT = "        opening.take_out_dead()  # Step 6.\n"
ANNOUNCE = "        announced = self._announce(witness.timeline, appended)\n"
INVALIDATE = "self.caches.invalidate(witness.timeline, appended, announced)"

MUTANTS: tuple[Mutant, ...] = (
    mutant(
        "a change may end the protocol's transaction",
        "half of a purchase stands on one file, and nobody's log knows",
        ATTEMPT,
        "                    participant.wrapper.begin_restriction()\n",
        "",
        f"{rooms.REPLICATION}/test_raw_sql.py::test_in_a_change_what_one_file_alone_would_do_is_refused_and_the_rest_is_carried",
    ),
    mutant(
        "a savepoint of another database goes unnoticed",
        "what an application believes to have taken back is sold",
        DEFAULT_DATABASE,
        "        if not autocommit:\n",
        "        if False:\n",
        f"{rooms.REPLICATION}/test_unusual_writes.py::test_a_savepoint_of_another_database_is_refused",
    ),
    mutant(
        "what is to follow a change doesn't wait for it",
        "a customer gets the mail of an order that was never made",
        DEFAULT_DATABASE,
        "    default.on_commit = lead.on_commit\n",
        "    default.on_commit = default.on_commit\n",
        f"{rooms.REPLICATION}/test_unusual_writes.py::test_a_side_effect_without_using_waits_for_the_change",
    ),
    mutant(
        "a read may end its snapshot",
        "one page shows rows of two moments",
        "bookstore_project/replication/sqlite_pair/reading/gate.py",
        "with pinned(service.name, alias, for_writing=False), wrapper(alias).restricted():\n                yield",
        "with pinned(service.name, alias, for_writing=False):\n                yield",
        f"{rooms.REPLICATION}/test_raw_sql.py::test_a_read_keeps_its_snapshot[COMMIT]",
    ),
    mutant(
        "one file only is committed",
        "an acknowledged order is lost with the file that has it",
        SETTLE,
        "    while opening.participants:\n",
        "    while opening.participants and not done:\n",
        f"{rooms.REPLICATION}/test_transaction.py::test_a_change_of_two_rows_stands_in_both_files",
    ),
    mutant(
        "what is written about a change isn't replicated with it",
        "a book's history stands on one file, and is lost with it",
        ATTEMPT,
        "                    changes = self._changes()\n",
        "                    pass\n",
        f"{HISTORY}::test_each_field_that_changes_has_its_row",
    ),
    mutant(
        "nothing is written about a change that went round the services",
        "nobody knows who changed a price in a shell",
        ATTEMPT,
        "        changes = self._completed(changes)\n",
        "",
        f"{HISTORY}::test_what_a_shell_changes_is_told_under_its_account[updated]",
        f"{HISTORY}::test_the_api_tells_who_asked",
    ),
    mutant(
        "the floor rises before the commits",
        "a writer that dies now leaves a store that waits for what nobody has",
        ATTEMPT,
        COMMIT,
        f"{RAISE_FLOOR}\n{COMMIT}",
        f"{rooms.COMMIT}/test_killed_writer.py::test_a_change_cut_short_is_made_once_by_the_retry[before-commit]",
    ),
    mutant(
        "the floor rises before the fronts have forgotten",
        "one customer sees the new price at a replica, the next one the old price in the cache",
        ATTEMPT,
        '        reached("committed")\n',
        f'        reached("committed")\n{RAISE_FLOOR}\n',
        f"{rooms.INVALIDATION}/test_pushes.py::test_a_write_becomes_visible_only_after_the_fronts_have_answered",
    ),
    Mutant(
        "new entries are sent to the fronts before the floor rises",
        "one front shows the new price while another still shows the old one",
        (
            Edit(ATTEMPT, "changes_noted, changes_ready\n", "changes_noted, changes_ready, published\n"),
            Edit(
                ATTEMPT,
                '        reached("invalidated")\n',
                '        reached("invalidated")\n'
                "        published.send_robust(\n"
                "            sender=self.service.name, changes=changes, position=entry.position,\n"
                "            timeline=witness.timeline,\n"
                "        )\n",
            ),
        ),
        (f"{STEPS}::test_what_is_sent_to_the_fronts_is_visible_already",),
    ),
    Mutant(
        "the fronts are told before the commits",
        "a front reads the old price again between the two, and keeps it",
        (
            Edit(ATTEMPT, COMMIT, f"        self.caches.invalidate(witness.timeline, appended)\n{COMMIT}"),
            Edit(ATTEMPT, f"            {INVALIDATE}  #", "            pass  #"),
        ),
        (f"{rooms.INVALIDATION}/test_pushes.py::test_leases_are_read_after_the_commits",),
    ),
    mutant(
        "leases are read before the commits",
        "a front that gets its lease meanwhile is never told, and goes on showing the old price",
        "bookstore_project/replication/invalidation/pushes.py",
        "if not _has_taken(announced, lease)}",
        "if any(holder == told for told in announced) and not _has_taken(announced, lease)}",
        f"{rooms.INVALIDATION}/test_pushes.py::test_leases_are_read_after_the_commits",
    ),
    mutant(
        "what one process of a front was told counts for the next one",
        "a front that was restarted during the commits goes on showing the old price",
        "bookstore_project/replication/invalidation/pushes.py",
        "announced.get(lease.holder)",
        "{holder[0]: answer for holder, answer in announced.items()}.get(lease.front)",
        f"{rooms.INVALIDATION}/test_pushes.py::test_a_front_that_began_anew_meanwhile_is_told_again",
    ),
    mutant(
        "a lease belongs to a front's name",
        "of two fronts that run under one name, one shows old prices for good",
        "bookstore_project/replication/interface.py",
        "        return self.front, self.instance\n",
        '        return self.front, ""\n',
        f"{rooms.INVALIDATION}/test_leases.py::test_a_lease_belongs_to_one_process_whatever_others_of_its_name_do",
        f"{rooms.INVALIDATION}/test_leases.py::test_each_process_of_one_name_is_told",
    ),
    mutant(
        "whoever answers at a front's address answers for it",
        "of two fronts that share an address, one shows old prices",
        "frontend_app/cache/pushes.py",
        "    if meant and meant != coherence.instance:\n",
        "    if False:\n",
        "frontend_app/cache/tests/test_pushes.py::test_a_push_that_is_meant_for_another_process_is_not_taken",
    ),
    mutant(
        "an announcement that did not arrive counts",
        "a front that can't be reached for a moment goes on showing the old price",
        "bookstore_project/replication/invalidation/pushes.py",
        "return answer is not None and answer.result()",
        "return answer is not None",
        f"{rooms.INVALIDATION}/test_pushes.py::test_an_announcement_that_did_not_arrive_is_made_good",
    ),
    mutant(
        "a dead file stays in the set",
        "its replica shows the old stock when it comes back",
        OPENING,
        "        if self.dead:\n",
        "        if False:\n",
        f"{rooms.REPAIR}/test_rejoin.py::test_a_file_that_was_locked_for_a_while_rejoins_by_its_log",
    ),
    mutant(
        "a dead file is evicted after the commit",
        "a purchase is refused with the words that nothing was changed, and the copies are sold",
        ATTEMPT,
        f'{EVICT}        reached("shrunk")\n{ANNOUNCE}        witness = self._commit(opening)\n',
        f"{ANNOUNCE}        witness = self._commit(opening)\n{EVICT}",
        f"{STEPS}::test_what_is_refused_for_want_of_a_sound_survivor_is_not_committed",
    ),
    mutant(
        "a file that failed to commit stays in the set",
        "its replica shows the old stock",
        SETTLE,
        "    return opening.take_out_dead()\n",
        "    return opening.witness\n",
        f"{STEPS}::test_a_file_replaced_during_a_write_is_out_when_the_write_is_visible",
    ),
    mutant(
        "nobody looks at the files again after the commit",
        "an acknowledged sale is in a file that nobody will ever open again",
        "bookstore_project/replication/sqlite_pair/files/participant.py",
        "            record = self._check_committed(witness)\n",
        "            record = witness.files[self.alias]\n",
        f"{STEPS}::test_a_file_replaced_during_a_write_is_out_when_the_write_is_visible",
    ),
    mutant(
        "a commit that nobody has taken is called a refusal",
        "a customer told that nothing happened buys again, and gets two",
        ATTEMPT,
        'raise OutcomeUnknown(f"The commit failed',
        'raise Unavailable(f"The commit failed',
        f"{STEPS}::test_a_commit_that_no_file_shows_is_unknown_and_not_failed",
    ),
    mutant(
        "the change is run again on the second file",
        "two copies of one sale with different times, and a price doubled twice when a retry meets it",
        ATTEMPT,
        "                    entries.apply_changes(follower.raw, self.service, changes, entry)\n",
        "                    from bookstore_project.replication.pinning import pinned\n\n"
        "                    with pinned(self.service.name, follower.alias, for_writing=True):\n"
        "                        members[0].change()\n"
        "                    entries.update_digests(follower.raw, changes)\n"
        "                    entries.forget_pending(follower.raw)\n"
        "                    entries.append(follower.raw, entry)\n",
        f"{rooms.REPLICATION}/test_transaction.py::test_a_change_of_two_rows_stands_in_both_files",
    ),
    mutant(
        "changes are known by signals alone",
        "a price set with update() is new at one replica and old at the other",
        ATTEMPT,
        "        return [change for change in noted if change.before != change.after]\n",
        "        return [\n"
        "            change\n"
        "            for change in noted\n"
        "            if change.before != change.after and (change.table, change.key) in self._touched\n"
        "        ]\n",
        f"{rooms.REPLICATION}/test_transaction.py::"
        "test_every_way_to_write_reaches_both_files[update with expressions]",
        f"{rooms.REPLICATION}/test_transaction.py::test_every_way_to_write_reaches_both_files[raw SQL]",
    ),
    mutant(
        "REPLACE deletes unseen",
        "a row that one file has lost is still in the other",
        "bookstore_project/replication/sqlite_pair/backend/base.py",
        '"PRAGMA recursive_triggers=ON"',
        '"PRAGMA recursive_triggers=OFF"',
        f"{rooms.REPLICATION}/test_transaction.py::test_every_way_to_write_reaches_both_files[REPLACE]",
    ),
    mutant(
        "a lent connection asks the thread that had it before whether it is restricted",
        "what a change does to the schema or the settings of one file isn't refused",
        "bookstore_project/replication/sqlite_pair/backend/base.py",
        "        if self._authorizer is not None:\n            self._authorizer.is_restricted",
        "        if False:\n            self._authorizer.is_restricted",
        f"{rooms.BACKEND}/test_lending.py::test_who_borrows_it_is_refused_what_everybody_is",
    ),
    mutant(
        "commits aren't synced",
        "acknowledged orders are gone after a power cut",
        "bookstore_project/replication/sqlite_pair/backend/base.py",
        '"PRAGMA synchronous=FULL"',
        '"PRAGMA synchronous=NORMAL"',
        f"{STEPS}::test_commits_are_synced",
    ),
    mutant(
        "the entry names the new row's cache keys only",
        "a book that has moved stays in its old topic's list",
        "bookstore_project/api/cached_resources.py",
        "        return {self._key_of(before), self._key_of(after)}\n",
        "        return {self._key_of(after)}\n",
        f"{rooms.REPLICATION}/test_transaction.py::test_an_entry_names_the_old_and_the_new_kind",
    ),
    mutant(
        "a caller's constraint error is taken for a fault of the file",
        "a wrong price in a form takes a sound replica out",
        "bookstore_project/replication/errors.py",
        "        sqlite3.SQLITE_NOTADB,\n",
        "        sqlite3.SQLITE_NOTADB,\n        sqlite3.SQLITE_CONSTRAINT,\n",
        f"{rooms.REPLICATION}/test_transaction.py::test_a_constraint_error_belongs_to_the_caller",
    ),
    mutant(
        "a fault of the file is taken for the caller's error",
        "with one disk full every purchase fails, though the other file is sound",
        "bookstore_project/replication/errors.py",
        "return isinstance(error, ReplicaFault | OSError) or _code(error) in _FAULT_CODES",
        "return isinstance(error, ReplicaFault | OSError)",
        f"{STEPS}::test_a_full_disk_costs_the_file_and_not_the_caller",
    ),
    mutant(
        "the first file decides on an unverified row",
        "a flipped bit in the stock says no to a customer, for good",
        LOG,
        "    if digest != images.digest(before if is_changed else image):\n",
        "    if False:\n",
        f"{rooms.PAIR}/test_damaged_files.py::test_a_flipped_stock_does_not_say_no",
    ),
    mutant(
        "rows have no digest to answer to",
        "a flipped bit in a price is sold at, logged and copied",
        LOG,
        "    if cursor.rowcount != 1:\n        raise _digest_mismatch(change.table, change.key)\n",
        "",
        f"{rooms.PAIR}/test_damaged_files.py::test_a_flipped_value_is_noticed_where_no_second_copy_shows_it",
    ),
    mutant(
        "the second file's row isn't compared with the first one's",
        "two files with different rows go on differing",
        LOG,
        "            if images.read_image(connection, table, change.key) != change.before:\n",
        "            if False:\n",
        f"{rooms.PAIR}/test_damaged_files.py::test_a_flipped_value_is_neither_taken_from_nor_copied[shelf-2]",
    ),
    # ------------------------------------------------------------------------- what a dead writer left
    mutant(
        "nobody settles",
        "a sale that one file has is written over by the next one",
        SETTLE,
        "            if _is_settled(opening):\n",
        "            if _is_settled(opening) or True:\n",
        f"{rooms.COMMIT}/test_killed_writer.py::test_an_entry_on_one_file_only_is_rolled_forward_before_the_next_write",
        f"{rooms.COMMIT}/test_killed_writer.py::test_a_repeat_that_changes_nothing_is_answered_after_settling",
    ),
    mutant(
        "what is settled isn't invalidated",
        "the front goes on showing the price from before the writer died",
        SETTLE,
        "    if doubts:\n        caches.invalidate(witness.timeline, doubts)\n",
        "",
        f"{rooms.COMMIT}/test_killed_writer.py::test_a_settled_entry_is_invalidated_before_it_becomes_visible",
    ),
    mutant(
        "a log that has departed is rolled forward",
        "the sound file is blamed for it, and the other one's history becomes the truth",
        "bookstore_project/replication/log/catchup.py",
        "    if known != head.hash:\n",
        "    if False:\n",
        f"{rooms.COMMIT}/test_killed_writer.py::test_a_log_that_does_not_fit_is_not_rolled_forward",
    ),
    mutant(
        "the hash chain isn't checked while rolling forward",
        "a flipped bit in one log becomes a row in both files",
        "bookstore_project/replication/log/catchup.py",
        "entry.chained_to(previous.hash) != entry.hash:",
        "not entry.hash:",
        f"{STEPS}::test_a_damaged_entry_is_not_rolled_into_a_file_that_rejoins[1]",
    ),
    mutant(
        "the newest entry isn't checked before it is settled",
        "damaged cache keys leave an old price in the cache",
        LOG,
        "    if len(newest) > 1 and newest[-1].chained_to(newest[-2].hash) != newest[-1].hash:\n",
        "    if False:\n",
        f"{STEPS}::test_a_damaged_entry_that_both_files_have_is_not_settled_by_it",
    ),
    mutant(
        "the lock isn't looked at again before the witness is written",
        "two writers, one of them without a lock, undo one another's sales",
        ATTEMPT,
        "        try:\n            self.lock.assert_current()\n            return write_witness(",
        "        try:\n            return write_witness(",
        f"{STEPS}::test_a_writer_whose_lock_was_taken_away_leaves_the_witness_alone",
    ),
    mutant(
        "the lock isn't looked at again before the set is changed",
        "a writer without a lock takes out the only file that has the newest sale",
        "bookstore_project/replication/sqlite_pair/membership/in_sync_set.py",
        "    lock.assert_current()\n",
        "",
        f"{STEPS}::test_an_eviction_without_the_lock_changes_nothing",
    ),
    mutant(
        "no turnstile",
        "under load one customer waits for seconds while others go in again and again",
        MUTEX,
        "    turnstile = acquire(first, deadline, RETRY_DELAY_S)\n",
        "    turnstile = os.open(directory, os.O_RDONLY)\n",
        f"{rooms.LOCKS}/test_mutex.py::test_a_waiter_gets_its_turn_against_a_greedy_one",
    ),
    mutant(
        "the set is written into one slot only",
        "after a power cut an evicted file counts again, without the newest orders",
        "bookstore_project/replication/sqlite_pair/membership/witness.py",
        "        for _ in range(2 if sync else 1):\n",
        "        for _ in range(1):\n",
        f"{rooms.MEMBERSHIP}/test_witness.py::test_membership_stands_in_both_slots",
    ),
    mutant(
        "the set isn't synced",
        "after a power cut an evicted file counts again, without the newest orders",
        "bookstore_project/replication/sqlite_pair/membership/witness.py",
        "            if sync:\n                os.fsync(descriptor)\n",
        "",
        f"{rooms.MEMBERSHIP}/test_witness.py::test_each_slot_of_a_membership_is_durable_before_the_next_is_touched",
    ),
    mutant(
        "texts aren't looked at before the commit",
        "a book whose title was changed by a script isn't found any more",
        "bookstore_project/replication/texts.py",
        '    changes_ready.connect(refuse_out_of_step, dispatch_uid="replication.texts")\n',
        "    return\n",
        "catalog_app/tests/test_texts.py::test_what_would_leave_the_key_behind_is_refused[an expression]",
        "catalog_app/tests/test_texts.py::test_what_would_leave_the_key_behind_is_refused[raw SQL]",
    ),
)
