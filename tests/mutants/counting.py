"""How many rows there are is known without counting: what keeps the numbers in step with the rows."""

from tests.mutants.mutant import mutant

COUNTS = "bookstore_project/replication/sqlite_pair/files/row_counts.py"
DERIVED = "bookstore_project/replication/sqlite_pair/files/derived.py"
TESTS = "catalog_app/tests/test_row_counts.py"

MUTANTS = (
    mutant(
        "a file rejoins by its log with whatever counts it has",
        "every second request says another number of books, for ever",
        DERIVED,
        "    return text_index.mend(connection) + row_counts.mend(connection)\n",
        "    return text_index.mend(connection)\n",
        f"{TESTS}::test_a_file_that_rejoins_by_its_log_gets_a_count_that_was_wrong_made_anew",
        f"{TESTS}::test_a_copy_has_the_right_counts_though_the_donor_has_not",
    ),
    mutant(
        "a scrub believes the counts",
        "a list ends before its last page, and nobody finds out",
        DERIVED,
        "    return text_index.findings(connection, service) + row_counts.findings(connection, service)\n",
        "    return text_index.findings(connection, service)\n",
        f"{TESTS}::test_a_scrub_finds_a_count_that_is_wrong_and_has_it_mended",
    ),
    mutant(
        "a book that moves counts twice",
        "a topic that has no books any more leads to an empty page",
        COUNTS,
        'f"WHEN {differs} BEGIN {_one_less(count)} {_one_more(count)} END"',
        'f"WHEN {differs} BEGIN {_one_more(count)} END"',
        f"{TESTS}::test_a_book_counts_as_long_as_it_is_on_sale_and_under_the_topic_that_it_has",
    ),
    mutant(
        "every change of a book counts",
        "a sale writes two more pages of each file",
        COUNTS,
        "AFTER UPDATE OF {columns} ON",
        "AFTER UPDATE ON",
        f"{TESTS}::test_a_sale_and_a_restock_do_not_touch_the_counts",
    ),
    mutant(
        "files from before the counts are taken for those of this code",
        "after an upgrade every list is an error",
        "bookstore_project/replication/sqlite_pair/files/schema_version.py",
        "        made_for.append(counts)\n",
        "        pass\n",
        f"{TESTS}::test_a_store_from_before_the_counts_gets_them_by_migrate",
    ),
)
