"""Words are found in an index that each file keeps for itself: what keeps it in step with the rows."""

from tests.mutants.mutant import mutant

INDEX = "bookstore_project/replication/sqlite_pair/files/text_index.py"
TESTS = "catalog_app/tests/test_text_indexes.py"

MUTANTS = (
    mutant(
        "a file rejoins by its log with whatever index it has",
        "a book isn't found in every second search, for ever",
        "bookstore_project/replication/sqlite_pair/repair/rejoin.py",
        "    _mend_indexes(alias, witness)\n",
        "",
        f"{TESTS}::test_a_file_that_rejoins_by_its_log_gets_an_index_that_was_out_of_step_made_anew",
    ),
    mutant(
        "a copy has whatever index its donor has",
        "a book isn't found any more, whichever replica is asked",
        "bookstore_project/replication/sqlite_pair/files/backup_copy.py",
        "        derived.mend(copy)\n",
        "",
        f"{TESTS}::test_a_copy_is_in_step_though_the_donor_is_not",
    ),
    mutant(
        "a migration leaves the index as it was",
        "after an upgrade words are looked up in a table that isn't there",
        "bookstore_project/replication/sqlite_pair/repair/migration.py",
        "        derived.install(connection, migrated.service)\n",
        "",
        f"{TESTS}::test_a_migration_there_and_back_makes_them_again",
    ),
    mutant(
        "a changed book keeps its old words",
        "a book is found by a title that it hasn't any more",
        INDEX,
        'f"WHEN {differs} BEGIN {removed} {added} END"',
        'f"WHEN {differs} BEGIN {added} END"',
        f"{TESTS}::test_a_book_is_found_by_its_words_as_soon_as_it_is_there_and_by_no_old_ones",
    ),
    mutant(
        "a basket of several books writes the other file's index anew",
        "a sale costs a multiple, the more the longer the titles are",
        "bookstore_project/replication/log/entries.py",
        "(is_alone or not _moves(table, before, after))",
        "is_alone",
        f"{TESTS}::test_a_sale_and_a_restock_do_not_touch_the_indexes",
    ),
    mutant(
        "rows that swap a unique value are updated one after the other",
        "two books can't exchange their ISBNs: the second file is taken out as damaged",
        "bookstore_project/replication/log/entries.py",
        "    return table.unique is None or any(before[name] != after[name] for name in table.unique)\n",
        "    return False\n",
        f"{TESTS}::test_rows_that_swap_a_unique_value_are_written_in_both_files",
    ),
    mutant(
        "the last copy in sync is taken out for its index",
        "nobody can buy because somebody couldn't find",
        "bookstore_project/replication/sqlite_pair/repair/maintenance.py",
        "len(witness.trusted) > 1 and not faults_of(witness)",
        "True",
        f"{TESTS}::test_the_only_copy_in_sync_serves_on_with_an_index_out_of_step",
    ),
    mutant(
        "words that were read once are never read again",
        "a typo in the title of a new book finds nothing until the replica is restarted",
        "bookstore_project/replication/sqlite_pair/reading/vocabulary.py",
        "if words is not None and words.state == state:",
        "if words is not None:",
        "catalog_app/tests/test_finding.py::TestTypos"
        "::test_a_word_that_came_or_went_since_it_was_last_looked_for_is_known_as_such",
    ),
    mutant(
        "of what may be meant the first is taken",
        "who mistypes two words finds a book that few look for",
        "catalog_app/corrections.py",
        "way.distance - math.log(ways[way], PER_ERROR)",
        "way.distance",
        "catalog_app/tests/test_finding.py::TestTypos::test_of_what_is_as_near_it_is_what_most_books_have",
    ),
    mutant(
        "a book that is retired stays among the topics",
        "a topic leads to an empty page",
        "bookstore_project/api/cached_resources.py",
        'shows=("topic", "retired"),',
        'shows=("topic",),',
        "catalog_app/tests/test_topics.py::test_it_is_dropped_by_what_changes_it_and_by_nothing_else",
    ),
    mutant(
        "a word is looked for among those with its letter alone",
        "who mistypes the first letter finds nothing",
        "catalog_app/corrections.py",
        "        for place in _doubtful([word.key for word in words]):\n",
        "        for place in ():\n",
        "catalog_app/tests/test_finding.py::TestTypos::test_what_the_others_tell_of_a_word_counts",
    ),
    mutant(
        "a space too many or missing isn't thought of",
        "who types two words as one finds nothing",
        "catalog_app/corrections.py",
        "        ways |= _parted_elsewhere(words, like, among)\n",
        "        pass\n",
        "catalog_app/tests/test_finding.py::TestTypos::"
        "test_words_that_ran_together_or_apart_and_spellings_of_one_sound_are_corrected",
    ),
    mutant(
        "a word that may be written apart is looked for in every book",
        "who looks for a year, or types an ISBN, waits for half a second at each digit, in a shop of a million books",
        "catalog_app/models.py",
        "return [(word.key, word.apart) if word.apart else (word.key,) for word in words if word.key]",
        "return [(word.key,) for word in words if word.key and not word.apart]",
        "catalog_app/tests/test_query_plans.py::test_a_word_that_may_be_written_in_two_ways_is_looked_up_too[1984]",
    ),
    mutant(
        "a word that may be written apart is looked up as one word alone",
        "who looks for 20000 doesn't find 20,000 leagues",
        "catalog_app/models.py",
        "return [(word.key, word.apart) if word.apart else (word.key,) for word in words if word.key]",
        "return [(word.key,) for word in words if word.key]",
        "catalog_app/tests/test_finding.py::TestOrder"
        "::test_a_number_is_found_however_its_thousands_stand_apart[20000]",
    ),
)
