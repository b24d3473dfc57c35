"""Breaks of the read gate and of what it knows a file by."""

from tests.mutants import rooms
from tests.mutants.mutant import Mutant, mutant

GATE, PARTICIPANT = (
    "bookstore_project/replication/sqlite_pair/reading/gate.py",
    "bookstore_project/replication/sqlite_pair/files/participant.py",
)

MUTANTS: tuple[Mutant, ...] = (
    mutant(
        "no gate",
        "a replica that was left behind shows old prices",
        GATE,
        "            snapshot = _try_to_enter(service, alias, keys)\n",
        "            witness = read_witness(service.witness_file)\n"
        "            _begin(alias, witness)\n"
        '            snapshot = FileSnapshot(alias, witness.floor, witness.timeline, None, "")\n',
        f"{rooms.PAIR}/test_damaged_files.py::test_a_replica_behind_the_floor_is_neither_read_nor_rolled_forward_unchecked",
        f"{rooms.REPLICATION}/test_reads.py::test_membership_counts_as_it_stands_after_the_snapshot",
    ),
    mutant(
        "the witness is read before the snapshot only",
        "a replica evicted in that moment shows the old price",
        GATE,
        "        now = read_witness(service.witness_file)\n",
        "        now = before\n",
        f"{rooms.REPLICATION}/test_reads.py::test_membership_counts_as_it_stands_after_the_snapshot",
    ),
    mutant(
        "no wait for the floor",
        "the new price is shown here, and afterwards the old one from a front's cache",
        GATE,
        "        if now.floor >= head:\n",
        "        if True:\n",
        f"{rooms.REPLICATION}/test_reads.py::test_a_read_that_a_write_in_doubt_may_touch_waits_for_it",
    ),
    mutant(
        "a read that names its keys waits for nothing",
        "the new price is shown here, and afterwards the old one from a front's cache",
        GATE,
        "        if keys and not set(keys) & keys_in_doubt(connection, now.floor):\n",
        "        if keys:\n",
        f"{rooms.REPLICATION}/test_reads.py::test_a_read_that_a_write_in_doubt_may_touch_waits_for_it[keys0]",
    ),
    mutant(
        "a read beside a write in doubt claims its position",
        "a front keeps the answer although it is older than it says",
        GATE,
        "            return FileSnapshot(alias, now.floor, now.timeline, written_ns,",
        "            return FileSnapshot(alias, head, now.timeline, written_ns,",
        f"{rooms.REPLICATION}/test_reads.py::test_a_read_that_a_write_in_doubt_does_not_touch_goes_through",
    ),
    mutant(
        "a copy read beside another forgets what was written in between",
        "a book that is being sold is shown as damaged, and the files are scrubbed for nothing",
        GATE,
        "    return frozenset(keys_in_doubt(connection, here.position))\n",
        "    return frozenset()\n",
        f"{rooms.REPLICATION}/test_reads.py::test_what_was_written_between_the_two_reads_is_told",
    ),
    mutant(
        "a file is not looked at again after a read that found nothing",
        "while an old copy is written into a file, a new book is said not to be there, and that is kept",
        GATE,
        "            _check_again(service, alias, snapshot)\n            raise\n",
        "            raise\n",
        f"{rooms.FILES}/test_outside_changes.py::TestOverwritten::test_that_nothing_was_found_meanwhile_is_not_said",
    ),
    mutant(
        "a log that ends below the floor is read",
        "a file restored from a backup shows last week's stock",
        "bookstore_project/replication/sqlite_pair/files/participant.py",
        "    if alias in witness.in_sync and head.position < witness.floor:\n",
        "    if False:\n",
        f"{rooms.PAIR}/test_damaged_files.py::test_a_replica_behind_the_floor_is_neither_read_nor_rolled_forward_unchecked",
        f"{rooms.REPAIR}/test_copy_sources.py::test_no_copy_is_made_of_a_file_that_ends_below_the_floor",
    ),
    mutant(
        "a read never settles",
        "after a kill a book can't be looked at until somebody buys something",
        GATE,
        "        if may_settle:\n",
        "        if False:\n",
        f"{rooms.COMMIT}/test_killed_writer.py::test_a_read_finishes_what_a_dead_writer_left",
    ),
    mutant(
        "the inode isn't compared",
        "a replica reads and writes a file that is no longer at its path",
        "bookstore_project/replication/sqlite_pair/files/file_identity.py",
        'raise ReplicaFault("its file was replaced',
        'str("its file was replaced',
        f"{rooms.PAIR}/test_damaged_files.py::test_a_replica_whose_file_is_at_fault_says_why[replaced]",
    ),
    mutant(
        "the size isn't compared",
        "a file cut short is read until a customer comes to what is missing",
        "bookstore_project/replication/sqlite_pair/files/file_identity.py",
        'raise Shrunk(f"its file shrank',
        'str(f"its file shrank',
        f"{rooms.COMMIT}/test_order_of_steps.py::test_a_file_that_lost_its_last_page_is_not_read_though_nobody_misses_it_yet",
    ),
    mutant(
        "the nonce isn't compared",
        "a file filled from the other copy, or a backup of it, counts as this one",
        PARTICIPANT,
        'raise ReplicaFault("its content comes from another copy")',
        'str("its content comes from another copy")',
        f"{rooms.PAIR}/test_damaged_files.py::"
        "test_a_replica_whose_file_is_at_fault_says_why[filled from the other copy]",
    ),
    mutant(
        "a change that isn't in the log goes unnoticed",
        "a price edited with sqlite3 is shown by one replica and not by the other",
        PARTICIPANT,
        'raise ReplicaFault("it holds a change that the log',
        'str("it holds a change that the log',
        f"{rooms.PAIR}/test_damaged_files.py::test_a_replica_whose_file_is_at_fault_says_why[edited by hand]",
    ),
    mutant(
        "a reader keeps the damage that it has met to itself",
        "until the next scrub the book that is refused is listed with its wrong title",
        GATE,
        "            if not _report(service, alias, FaultReport(alias, snapshot.nonce, error)):\n",
        "            if not _report(service, alias):\n",
        f"{rooms.PAIR}/test_two_faults.py::test_a_reader_that_finds_damage_has_the_copy_taken_out_at_once",
    ),
    mutant(
        "what is read past Django doesn't say as of when",
        "fronts keep no book: each reader waits for a replica",
        "bookstore_project/replication/web/direct_reads.py",
        """"Content-Length": str(len(body)), **at}, body""",
        """"Content-Length": str(len(body))}, body""",
        "catalog_app/tests/test_direct_reads.py::test_it_is_what_the_route_gives[/api/v1/books/2/]",
    ),
    mutant(
        "what is read past Django has no deadline",
        "a replica that was stopped answers those first who have gone long ago",
        "bookstore_project/replication/web/direct_reads.py",
        "                deadlines.assert_time_left()\n",
        "",
        "catalog_app/tests/test_direct_reads.py::test_what_comes_after_its_deadline_is_not_read[-1-503]",
    ),
    mutant(
        "whoever reads a book is answered past Django",
        "a wrong password is no reason to refuse, and who has the book already is sent it again",
        "frontend_app/gateway/direct_reads.py",
        "return {DIRECT: (route, found[1], summary.is_secure)} if summary.is_usual else {}",
        "return {DIRECT: (route, found[1], summary.is_secure)}",
        "tests/contract/test_direct_reads.py::test_whatever_is_unusual_is_left_to_django",
    ),
)
