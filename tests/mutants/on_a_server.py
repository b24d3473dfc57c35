"""Breaks of the protocol on PostgreSQL: hold, confirm, leases as rows, and the primary's timeline."""

from tests.mutants.mutant import Mutant, mutant

ROOM = "bookstore_project/replication/postgresql"
ATTEMPT, MAKING, FORESIGHT, CHANGES, LEASES, READING, BARRIER, WAITING = (
    f"{ROOM}/{name}.py"
    for name in ("attempt", "making", "foresight", "changes", "leases", "reading", "barrier", "waiting")
)
CONFIRMATION, HOLDING, TIMELINES, GROUPING, FORESEEN = (
    f"{ROOM}/tests/test_{name}.py" for name in ("confirmation", "holding", "timelines", "grouping", "foreseen")
)

MUTANTS: tuple[Mutant, ...] = (
    mutant(
        "a cancelled wait for the standby counts as a commit",
        "an acknowledged purchase is lost when the standby is promoted",
        WAITING,
        "    if warnings:\n        raise NotConfirmed(warnings[0])\n",
        "",
        f"{CONFIRMATION}::test_a_commit_that_nobody_confirms_is_of_unknown_outcome_and_not_shown",
    ),
    mutant(
        "a primary is believed to be one",
        "an old primary shows what was overwritten long ago",
        READING,
        "    proven = barrier_of(service.name).wait(partial(server_timeline, database))\n",
        "    proven = found.server\n",
        f"{CONFIRMATION}::test_a_commit_that_nobody_confirms_is_of_unknown_outcome_and_not_shown",
    ),
    mutant(
        "that there is no such book is believed",
        "a book that was just made is not found",
        READING,
        "            _leave(service, database, found, keys)\n            raise\n",
        "            raise\n",
        f"{CONFIRMATION}::test_that_there_is_no_such_article_has_to_be_confirmed_too",
    ),
    mutant(
        "a refusal is believed without a standby",
        "an old primary tells a customer that a book is sold out, which was restocked long ago",
        MAKING,
        "SET TRANSACTION READ WRITE; {SEEN}",
        "SET TRANSACTION READ WRITE",
        f"{CONFIRMATION}::test_a_refusal_rests_on_what_is_confirmed",
    ),
    mutant(
        "fronts are told after the commit",
        "a reader sees the new price, and the next one the old price in a cache",
        ATTEMPT,
        '            self._hold(appended)\n            reached("invalidated")\n        self._commit(appended)\n',
        '            reached("invalidated")\n        self._commit(appended)\n        self._hold(appended)\n',
        f"{HOLDING}::test_the_fronts_are_told_before_anybody_can_see_it",
    ),
    mutant(
        "a front is waited for by the lease of before it was blocked",
        "another host has made it longer meanwhile, and the front shows the old price",
        LEASES,
        "max(_lease_s(beside, lease), replication_settings.lease_s)",
        "max(lease.lease_s, replication_settings.lease_s)",
        f"{HOLDING}::test_it_is_waited_for_by_the_lease_that_is_on_record_when_it_is_blocked",
    ),
    mutant(
        "a front of which nobody can tell counts as ended",
        "it is cut off, and shows the old price for as long as its lease lasts",
        LEASES,
        "has_ended in told.items() if has_ended]",
        "has_ended in told.items() if has_ended is not False]",
        f"{HOLDING}::test_a_front_that_does_not_take_it_is_waited_for_as_long_as_its_lease_may_last",
    ),
    mutant(
        "a front that is waited for is renewed",
        "its lease outlasts the writer's wait, and it shows the old price",
        LEASES,
        'WHERE front = %s AND instance = %s AND NOT blocked "\n    f"AND EXISTS',
        'WHERE front = %s AND instance = %s "\n    f"AND EXISTS',
        f"{HOLDING}::test_a_front_that_is_waited_for_is_not_renewed",
    ),
    mutant(
        "a new lease is given beside a writer",
        "the writer has told everybody, and this front keeps the old price",
        LEASES,
        "{head.SELECT} FOR SHARE",
        "{head.SELECT}",
        f"{HOLDING}::test_beside_a_writer_a_lease_is_renewed_and_a_new_one_is_not_given",
    ),
    mutant(
        "the lease of before a promotion is renewed",
        "a front shows what the new primary never had",
        LEASES,
        "WHERE server_timeline = {SERVER_TIMELINE})",
        "WHERE {SERVER_TIMELINE} <> '')",
        f"{TIMELINES}::test_the_primary_is_compared_in_the_statement_that_renews",
    ),
    mutant(
        "who doesn't answer a new primary counts as having given up its lease",
        "a front that is cut off shows what the new primary never had, or what was bought since",
        LEASES,
        "    _take_out(left, caches.end_leases(found))\n",
        "    caches.end_leases(found)\n    left.clear()\n",
        f"{TIMELINES}::test_who_has_not_given_up_is_waited_for_as_long_as_a_lease_may_last",
    ),
    mutant(
        "a new primary asks those alone of whom it knows",
        "what the lost one let a front keep, while it was alone, is shown after the first purchases",
        LEASES,
        "    found += [Lease(name, address",
        "    [Lease(name, address",
        f"{TIMELINES}::test_a_front_of_which_nothing_is_on_record_has_to_give_up_too",
    ),
    mutant(
        "a new primary goes on in the old timeline",
        "fronts keep what the new primary never had",
        ATTEMPT,
        "    if before.is_current:\n",
        "    if before.position >= 0:\n",
        f"{TIMELINES}::test_the_first_writer_has_the_leases_end_and_begins_another",
    ),
    mutant(
        "whose row refers to nothing is found out at the commit",
        "a customer's purchase fails for another one's fault",
        CHANGES,
        "SET CONSTRAINTS ALL IMMEDIATE; SET",
        "SET",
        f"{GROUPING}::test_what_one_of_them_raises_takes_back_that_one_alone[a reference to nothing]",
    ),
    mutant(
        "a reader shares a proof that began before it looked",
        "an old primary shows what was overwritten a moment ago",
        BARRIER,
        "mine, until = self._begun + 1, time",
        "mine, until = self._begun, time",
        f"{ROOM}/tests/test_barrier.py::test_who_comes_while_one_is_made_shares_the_next",
    ),
    mutant(
        "who buys together with others sees the stock as it was before them",
        "copies are sold twice",
        FORESIGHT,
        "        row = self._rows.pop((model, key), None)\n",
        "        row = None\n",
        f"{FORESEEN}::test_each_sees_what_the_one_before_it_has_left",
    ),
    mutant(
        "for a repeat beside its first attempt all of a group is made anew",
        "purchases that wait together take several times as long",
        FORESIGHT,
        "                known[_value(model, name, getattr(instance, _attribute(model, name)))] = True\n",
        "                pass\n",
        f"{ROOM}/tests/test_foresight.py::test_a_repeat_beside_its_first_attempt_costs_the_others_nothing",
    ),
    mutant(
        "what was fetched counts though it was changed in another way",
        "a book that was corrected is sold by what it had before",
        FORESIGHT,
        "        if self._seen != self._database.others:\n            self.forget()\n",
        "        pass\n",
        f"{FORESEEN}::test_what_was_written_in_another_way_is_seen_by_the_next[update]",
    ),
    mutant(
        "what a failed sale took is missing to the next customer",
        "somebody is told that a book is sold out, and it isn't",
        MAKING,
        "            if has_written:\n                self._fetched.forget()\n",
        "",
        f"{FORESEEN}::test_what_one_took_before_it_failed_is_there_for_the_next",
    ),
    mutant(
        "what one customer did wrong is everybody's error",
        "a purchase fails for another one's fault",
        MAKING,
        "            for member in members:\n                member.reset()\n            return False\n",
        "            for member in members:\n                member.has_failed(error)\n",
        f"{FORESEEN}::test_what_the_database_refuses_of_one_takes_back_that_one_alone[a value that is there]",
    ),
)
