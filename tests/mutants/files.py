"""Breaks of what becomes of a file at fault: eviction, repair, scrub."""

from tests.mutants.mutant import Mutant, mutant

HERE = "bookstore_project/replication"
TESTS = f"{HERE}/tests"
REPAIR = f"{HERE}/repair.py"

MUTANTS: tuple[Mutant, ...] = (
    mutant(
        "the survivor isn't looked at",
        "with the last sound file evicted, what is left is damaged",
        f"{HERE}/membership.py",
        "        if problem := damage(alias):\n",
        '        if problem := "":\n',
        f"{TESTS}/test_repair.py::test_the_set_does_not_shrink_to_a_damaged_file",
    ),
    mutant(
        "the copy of a donor isn't verified",
        "a flipped bit is copied over the last good row",
        f"{HERE}/copying.py",
        "if found := scrub.findings(copy, ",
        "if found := [] and scrub.findings(copy, ",
        f"{TESTS}/test_repair.py::test_no_copy_is_made_of_a_damaged_file",
    ),
    mutant(
        "a file let in by its log isn't verified",
        "a damaged row is in sync again, and is sold from",
        REPAIR,
        "if found := scrub.findings(ours, ",
        "if found := [] and scrub.findings(ours, ",
        f"{TESTS}/test_repair.py::test_a_file_with_a_damaged_row_is_not_let_in_by_its_log",
    ),
    mutant(
        "a scrub judges the pages that it remembers",
        "in a store that isn't written to, damage is never found",
        f"{HERE}/caretaker.py",
        "        wrapper(alias).forget_pages()\n",
        "",
        f"{TESTS}/test_repair.py::test_a_scrub_reads_the_file_and_not_what_it_remembers",
    ),
    mutant(
        "a file rejoins without the newest entries",
        "its replica lacks the sales made during the repair",
        REPAIR,
        "        count = catchup.roll_forward(source.raw, target.raw, service)\n",
        "        count = 0\n",
        f"{TESTS}/test_steps.py::test_a_file_that_rejoins_has_what_was_written_until_the_last_moment",
    ),
    mutant(
        "the old file's WAL is left beside the new one",
        "the rows of a damaged file come back into its replacement",
        f"{HERE}/copying.py",
        "    remove(path)\n    return quarantine\n",
        "    return quarantine\n",
        f"{TESTS}/test_steps.py::test_a_leftover_wal_is_not_taken_for_that_of_the_copy",
    ),
    mutant(
        "all copies have one nonce",
        "two files that can't be told apart: one put in the other's place goes unnoticed",
        f"{HERE}/copying.py",
        "secrets.token_hex(16)",
        '"0" * 32',
        f"{TESTS}/test_steps.py::test_no_two_files_have_the_same_nonce",
    ),
    mutant(
        "a scrub compares the files with one another",
        "the sound file is taken out, and the damaged one is sold from",
        f"{HERE}/caretaker.py",
        '= scrub.findings(gate.raw(alias), service, partial(progress, f"scrubbing {alias}"))\n',
        '= list(gate.raw(alias).execute("SELECT * FROM catalog_app_book ORDER BY id"))\n'
        "    first = found[service.aliases[0]]\n"
        '    found = {alias: [] if rows == first else ["differs"] for alias, rows in found.items()}\n',
        f"{TESTS}/test_repair.py::test_a_damaged_donor_is_told_apart_from_its_sound_copy",
    ),
)
