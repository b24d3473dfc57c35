"""Breaks of leases, invalidations and polls, and of the front's own rules."""

from tests.mutants import rooms
from tests.mutants.mutant import Edit, Mutant, mutant

FRONTS, POLLS, LEASES = (
    "bookstore_project/replication/invalidation/pushes.py",
    "bookstore_project/replication/invalidation/polls.py",
    "bookstore_project/replication/invalidation/leases.py",
)
MISSED = "bookstore_project/replication/sqlite_pair/reading/missed.py"
COHERENCE, READS = "frontend_app/cache/coherence.py", "frontend_app/cache/reads.py"
COHERENCE_TESTS = "frontend_app/cache/tests/test_coherence.py"
HITS = "frontend_app/gateway/fast_path.py"

RECORD = '    renewed = engine.renew(service, poll, asked, pushes)\n    reached("poll-recorded")\n'

MUTANTS: tuple[Mutant, ...] = (
    mutant(
        "an announcement that a front refuses counts as taken",
        "a front whose place another process has taken shows the old price",
        "bookstore_project/replication/invalidation/sending.py",
        "        if reply.status != HTTPStatus.OK:\n            return False\n        unwanted",
        "        unwanted",
        f"{rooms.INVALIDATION}/test_push_wire.py::test_a_begun_push_that_is_refused_has_not_arrived",
    ),
    mutant(
        "a poll that was sent before a front gave up its lease brings one",
        "a front shows what a lost primary had, when the new one's first purchases are acknowledged",
        COHERENCE,
        "answer.is_renewed and poll.term == self.term:",
        "answer.is_renewed:",
        f"{COHERENCE_TESTS}::test_a_lease_that_was_given_up_comes_back_by_a_later_poll_alone",
    ),
    mutant(
        "a missing lease record is taken for no lease",
        "whoever tidies up var/leases makes the front show old prices",
        LEASES,
        "frozenset(name for name, record in found.items() if record is None)",
        "frozenset()",
        f"{rooms.INVALIDATION}/test_pushes.py::test_a_lease_whose_record_is_gone_is_waited_for",
    ),
    mutant(
        "a front that doesn't answer isn't waited for",
        "a front that is cut off shows the old price after the purchase",
        FRONTS,
        "        if left or unknown:\n            time.sleep(_RETRY_DELAY_S)\n",
        "        break\n",
        f"{rooms.INVALIDATION}/test_pushes.py::test_an_unreachable_front_delays_a_write_until_its_lease_runs_out",
    ),
    mutant(
        "leases are read once",
        "a front that renews its lease while a write waits for it shows the old price",
        FRONTS,
        "        now = read_leases()\n",
        "        still = {holder: lease for holder, lease in leases.valid.items() if lease.is_valid()}\n"
        "        now = Leases(still, frozenset())\n",
        f"{rooms.INVALIDATION}/test_pushes.py::test_a_lease_renewed_while_a_write_waits_is_waited_for_too",
    ),
    mutant(
        "a confirmation counts whatever its hash",
        "a front that has heard of another write in that place counts as told of this one",
        FRONTS,
        "        if current is not None and current.confirmed != newest:\n",
        "        if current is not None and (current.confirmed or (0,))[0] != newest[0]:\n",
        f"{rooms.INVALIDATION}/test_pushes.py::test_a_poll_that_confirms_this_entry_ends_the_wait",
    ),
    Mutant(
        "a poll reads the log before it records the lease",
        "a write between the two is told to nobody",
        (
            Edit(POLLS, RECORD, ""),
            Edit(POLLS, "    return {\n", f"{RECORD}    return {{\n"),
        ),
        (f"{rooms.INVALIDATION}/test_polls.py::test_a_lease_is_recorded_before_the_log_is_read",),
    ),
    mutant(
        "a poll waits for writes in doubt",
        "each write waits for the front, which waits for the write",
        MISSED,
        "    assert_in_sync(alias, witness)\n",
        "    from bookstore_project.replication.reads import reading\n"
        "    with reading(service.name, alias=alias):\n"
        "        witness = read_witness(service.witness_file)\n",
        f"{rooms.INVALIDATION}/test_polls.py::test_a_poll_tells_of_writes_in_doubt_and_does_not_wait_for_them",
    ),
    mutant(
        "a poll counts the lease from its answer",
        "a front believes in its lease for longer than writers wait",
        FRONTS,
        "    _record(poll, asked, renewed)\n",
        "    _record(poll, time.monotonic(), renewed)\n",
        f"{rooms.INVALIDATION}/test_polls.py::test_a_poll_counts_the_lease_from_when_it_was_asked",
    ),
    mutant(
        "a poll shortens a lease",
        "a front uses the rest of a lease that writers no longer know of",
        FRONTS,
        "max(given, asked + poll.lease_s) if renewed else given",
        "asked + poll.lease_s if renewed else 0.0",
        f"{rooms.INVALIDATION}/test_polls.py::test_a_poll_never_shortens_a_lease",
        f"{rooms.INVALIDATION}/test_polls.py::test_a_blocked_front_gets_no_lease_until_a_push_reaches_it",
    ),
    mutant(
        "a front that pushes don't reach gets its lease all the same",
        "each write waits for a lease to run out, again and again",
        FRONTS,
        "    if not is_blocked(holder):\n",
        "    if True:\n",
        f"{rooms.INVALIDATION}/test_polls.py::test_a_blocked_front_gets_no_lease_until_a_push_reaches_it",
    ),
    mutant(
        "a front whose record is lost was given nothing",
        "a front that pushes don't reach shows the old price, if somebody tidies up var/leases",
        LEASES,
        '        others.append(Lease(lease.front, "", "", lost, replication_settings.lease_s, None))\n',
        "        pass\n",
        f"{rooms.INVALIDATION}/test_polls.py::test_a_blocked_front_whose_record_is_lost_keeps_what_it_was_given",
    ),
    mutant(
        "a log that doesn't reach back is none",
        "a front that slept through a compaction shows old prices",
        MISSED,
        "is_base = since is None or since < entries.read_base(connection)",
        "is_base = since is None",
        f"{rooms.REPAIR}/test_compaction.py::test_a_front_that_the_log_no_longer_reaches_begins_anew",
    ),
    # ------------------------------------------------------------------------------------- the front's own
    mutant(
        "an entry counts whatever its key's floor",
        "a slow reader puts the old price back, and everybody sees it",
        COHERENCE,
        "return timeline == self.timeline and asof >= self.floor",
        "return timeline == self.timeline",
        f"{COHERENCE_TESTS}::test_a_reader_paused_between_looking_and_setting_sets_in_vain",
        f"{COHERENCE_TESTS}::test_an_old_value_restored_into_the_cache_is_a_miss",
    ),
    mutant(
        "an entry counts whatever its timeline",
        "after a restore the front shows what never happened",
        COHERENCE,
        "return timeline == self.timeline and asof >= self.floor",
        "return asof >= self.floor",
        f"{COHERENCE_TESTS}::test_a_new_timeline_begins_anew",
        "tests/coherence/test_schedules.py::test_a_timeline_change",
    ),
    mutant(
        "the cache is used without a lease",
        "a front that is cut off shows old prices",
        COHERENCE,
        "        is_leased = self.clock() < self.lease_until\n",
        "        is_leased = True\n",
        f"{COHERENCE_TESTS}::test_without_a_lease_the_cache_is_used_for_nothing",
    ),
    mutant(
        "the floor is looked at before the lease",
        "a front that comes back shows one old price",
        COHERENCE,
        "        is_leased = self.clock() < self.lease_until\n        timeline, floors = self.history\n"
        "        return View(is_leased, timeline, floors.of(key))\n",
        "        timeline, floors = self.history\n        floor = floors.of(key)\n"
        "        return View(self.clock() < self.lease_until, timeline, floor)\n",
        f"{COHERENCE_TESTS}::test_a_lease_that_comes_while_a_reader_looks_brings_its_floors_with_it",
    ),
    mutant(
        "the event loop serves whatever the floor",
        "the old price is shown to whoever comes quickly, and the new one to the others",
        COHERENCE,
        "found.timeline == timeline and found.asof >= floor:",
        "found.timeline == timeline:",
        f"{COHERENCE_TESTS}::test_the_event_loop_checks_what_the_ordinary_way_checks",
    ),
    mutant(
        "the event loop serves whatever the timeline",
        "after a restore the front shows what never happened",
        COHERENCE,
        "found.timeline == timeline and found.asof >= floor:",
        "found.asof >= floor:",
        f"{COHERENCE_TESTS}::test_the_event_loop_checks_what_the_ordinary_way_checks",
        "tests/coherence/test_schedules.py::test_a_timeline_change",
    ),
    mutant(
        "the event loop serves without a lease",
        "a front that is cut off shows old prices",
        COHERENCE,
        "        if self.clock() >= self.lease_until:\n            return None\n",
        "",
        f"{COHERENCE_TESTS}::test_the_event_loop_checks_what_the_ordinary_way_checks",
        "tests/coherence/test_leases.py::test_a_front_stopped_for_three_leases",
    ),
    mutant(
        "the event loop looks at the floor before the lease",
        "a front that comes back shows one old price",
        COHERENCE,
        "        if self.clock() >= self.lease_until:\n            return None\n"
        "        timeline, floors = self.history\n        floor = floors.of(floor_key)\n",
        "        timeline, floors = self.history\n        floor = floors.of(floor_key)\n"
        "        if self.clock() >= self.lease_until:\n            return None\n",
        f"{COHERENCE_TESTS}::test_a_lease_that_comes_while_the_event_loop_looks_brings_its_floors_with_it",
    ),
    mutant(
        "the event loop sends whole what the client has",
        "a reader with the newest answer gets it again, each time",
        HITS,
        "not head.is_usual or",
        "not head.is_quick or",
        "frontend_app/gateway/tests/test_fast_path.py::test_every_condition",
    ),
    mutant(
        "the event loop sends over https what it has ready for http",
        "a browser isn't told to stay with https",
        HITS,
        "        if found.source_headers is not target.source or head.is_secure is not target.is_secure:\n"
        "            target.prepare(found, head.is_secure)\n        took_s",
        "        if found.source_headers is not target.source:\n"
        "            target.prepare(found, head.is_secure)\n        took_s",
        "frontend_app/gateway/tests/test_gateway.py"
        "::test_a_head_that_was_ready_for_http_is_not_sent_over_https_nor_the_other_way_round",
    ),
    mutant(
        "the event loop doesn't count its hits",
        "the cluster page shows a cache that nobody finds anything in",
        HITS,
        "        self._reads.found += 1\n        if found.source_headers is not",
        "        if found.source_headers is not",
        "frontend_app/monitoring/tests/test_rolling_stats.py::test_every_answer_counts_once_whichever_way_it_went",
    ),
    mutant(
        "a lease runs from the answer",
        "a front uses its cache for longer than writers wait",
        COHERENCE,
        "poll.sent_at + self.lease_s",
        "self.clock() + self.lease_s",
        f"{COHERENCE_TESTS}::test_a_lease_runs_from_when_the_poll_was_sent",
    ),
    mutant(
        "an invalidation deletes and raises no floor",
        "a slow reader puts the old price back, and everybody sees it",
        COHERENCE,
        "                self.floors.raise_keys(change.position, change.keys)\n                self.inv",
        "                self.inv",
        f"{COHERENCE_TESTS}::test_a_slow_reader_cannot_put_an_old_value_back",
    ),
    mutant(
        "an invalidation that isn't taken is confirmed",
        "its write becomes visible while the front shows the old price",
        COHERENCE,
        "                return None if push.invalidate else []\n",
        "                return []\n",
        f"{COHERENCE_TESTS}::test_an_invalidation_that_is_not_taken_is_not_confirmed",
    ),
    mutant(
        "a poll's doubts raise no floors",
        "a front that couldn't be reached confirms a write and shows the old price",
        COHERENCE,
        "            for change in (*answer.changes, *answer.doubts):\n",
        "            for change in answer.changes:\n",
        f"{COHERENCE_TESTS}::test_what_is_in_doubt_raises_floors_and_is_confirmed_by_the_next_poll",
        "tests/coherence/test_leases.py::test_a_lease_registered_between_the_writers_look_and_its_commit",
        "tests/coherence/test_schedules.py::test_a_lost_push_is_confirmed_by_polls_while_its_writer_waits",
    ),
    mutant(
        "a poll's changes raise no floors",
        "an invalidation lost on its way leaves the old price in the cache",
        COHERENCE,
        "            for change in (*answer.changes, *answer.doubts):\n",
        "            for change in answer.doubts:\n",
        f"{COHERENCE_TESTS}::test_a_lost_push_is_made_good_by_the_poll",
    ),
    mutant(
        "a front that begins believes its cache",
        "what a shared cache kept from before the restart is shown",
        COHERENCE,
        "                self.floors.raise_base(answer.position)\n",
        "                pass\n",
        f"{COHERENCE_TESTS}::test_a_starting_front_does_not_believe_what_its_cache_kept",
        "tests/coherence/test_leases.py::test_a_front_restarted_over_a_warm_cache",
    ),
    mutant(
        "a late set replaces a newer entry",
        "the cache is emptied by its own news: the next reader waits for a replica",
        COHERENCE,
        "            fresh = [(key, entry) for key, entry in fresh if entry.asof >= self.floors.of(key)]\n",
        "",
        f"{COHERENCE_TESTS}::test_a_set_that_comes_late_leaves_the_newer_entry",
    ),
    mutant(
        "a front that waits for a new answer says that it keeps none",
        "a book that sells quickly is out of the cache after each sale: readers wait for a replica",
        "frontend_app/cache/awaited.py",
        "            return key in self._keys\n",
        "            return was_kept\n",
        f"{COHERENCE_TESTS}::test_a_new_answer_is_wanted_where_the_old_one_was_kept",
    ),
    mutant(
        "who waits for a flight takes whatever it brings",
        "a customer who has just bought is shown the stock from before",
        READS,
        "            if view.admits(brought.asof, brought.timeline):\n",
        "            if brought:\n",
        f"{COHERENCE_TESTS}::test_a_waiter_does_not_take_what_is_too_old_for_itself",
        "tests/coherence/test_schedules.py::"
        "test_a_flight_started_before_the_write_and_joined_after_the_acknowledgement",
    ),
    mutant(
        "forgotten floors sink",
        "a front that has seen many books shows old prices of some",
        "frontend_app/cache/floors.py",
        "        self.raise_base(cut)\n",
        "",
        "frontend_app/cache/tests/test_entries.py::test_forgetting_floors_costs_misses_and_never_freshness",
    ),
    mutant(
        "a topic's key is as it was asked for",
        "a topic's page that is asked for in another spelling lies below a floor that no change of its books raises",
        "bookstore_project/api/cached_resources.py",
        "        value = self.one_form(text)\n",
        "        value = text\n",
        f"{COHERENCE_TESTS}::test_a_topic_has_one_key_however_it_is_spelled",
    ),
)
