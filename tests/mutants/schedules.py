"""Breaks of coherence that a schedule shows: real replicas, a real front, actors paused between two lines."""

from tests.mutants.mutant import Edit, Mutant, mutant

FRONTS, POLLS = (
    "bookstore_project/replication/invalidation/pushes.py",
    "bookstore_project/replication/invalidation/polls.py",
)
CACHE = "frontend_app/cache"
COHERENCE, FLOORS, READS = f"{CACHE}/coherence.py", f"{CACHE}/floors.py", f"{CACHE}/reads.py"
ANNOUNCEMENTS = f"{CACHE}/announcements.py"
SCHEDULES = "tests/coherence/test_schedules.py"
LEASES = "tests/coherence/test_leases.py"
TAKEN_BACK = "tests/coherence/test_withdrawn_announcements.py"

TAKE_BACK = (
    "            if answer.settled is not None:\n"
    "                self.announcements.take_back(self.floors, answer.settled, poll.pushes)\n"
)

MUTANTS: tuple[Mutant, ...] = (
    mutant(
        "a floor is forgotten once its key has a new entry",
        "a slow reader puts the old price back after the new one was evicted",
        COHERENCE,
        "            self.caches[0].set(key, entry.encode())\n",
        "            self.caches[0].set(key, entry.encode())\n            self.floors._of_key.pop(key, None)\n",
        f"{SCHEDULES}::test_stale_fill_after_an_eviction",
    ),
    mutant(
        "a floor is whatever was heard last",
        "a push that comes late lets an older price in",
        FLOORS,
        "            if position > self.of(key):\n                self._of_key[key] = position\n        if len",
        "            self._of_key[key] = position\n        if len",
        f"{SCHEDULES}::test_reordered_pushes",
    ),
    mutant(
        "a push is confirmed and ignored",
        "every front shows the old price for as long as it lies in the cache",
        COHERENCE,
        "            self.announcements.note_push(",
        "            return True\n            self.announcements.note_push(",
        f"{SCHEDULES}::test_stale_fill",
        f"{SCHEDULES}::test_a_topic_move",
        f"{SCHEDULES}::test_a_negative_answer_then_creation",
    ),
    mutant(
        "a push that fails counts as taken",
        "a front that is cut off shows the old price after the purchase",
        FRONTS,
        "        return [holder for holder, lease in leases.items() if push(lease, message)]\n",
        "        return [holder for holder, lease in leases.items() if push(lease, message) or True]\n",
        f"{SCHEDULES}::test_a_lost_push",
        f"{LEASES}::test_a_reader_paused_between_lease_check_and_floor_while_the_front_is_cut_off",
    ),
    mutant(
        "leases are read before the commits, and not again",
        "a front that got its lease while the files were committed shows the old price",
        FRONTS,
        "    leases = read_leases()\n    # Whatever",
        "    leases = Leases({}, frozenset()) if not announced else read_leases()\n    # Whatever",
        f"{LEASES}::test_a_lease_registered_before_the_commit_and_an_old_value_cached_under_it",
    ),
    mutant(
        "a writer waits for those alone who listened when the last one wrote",
        "a front that got its lease since shows the old price",
        FRONTS,
        "    leases = read_leases()\n    # Whatever",
        "    seen = listening.seen()\n"
        "    leases = (\n"
        "        read_leases() if seen is None else Leases({lease.holder: lease for lease in seen}, frozenset())\n"
        "    )\n    # Whatever",
        "bookstore_project/replication/invalidation/tests/test_listening.py::"
        "test_a_front_that_got_its_lease_at_another_replica_is_told_by_the_next_write",
    ),
    mutant(
        "an answer below the floor is kept and believed",
        "what a replica said before the commit is shown after it",
        COHERENCE,
        "return timeline == self.timeline and asof >= self.floor",
        "return timeline == self.timeline and asof >= self.floor - 1",
        f"{SCHEDULES}::test_an_answer_below_the_floor_is_passed_on_and_not_kept",
        f"{SCHEDULES}::test_stale_fill",
    ),
    mutant(
        "a flight that fails isn't closed",
        "customers wait for an answer that will never come",
        f"{CACHE}/flights.py",
        "                flight.close()\n",
        "                if flight._entry is not None:\n                    flight.close()\n",
        f"{SCHEDULES}::test_an_error_of_the_loader_frees_its_waiters",
    ),
    mutant(
        "everybody flies alone",
        "a popular book's new price is fetched by all its customers at once",
        f"{CACHE}/flights.py",
        "            is_leader = flight is None\n            if flight is None:\n",
        "            is_leader = True\n            if is_leader:\n",
        f"{SCHEDULES}::test_64_clients_on_one_invalidated_key",
    ),
    mutant(
        "who comes too late for one flight flies alone",
        "a popular book's price is fetched by all its customers at once, whenever it changes",
        READS,
        "        for _ in range(2):\n            with self._flights",
        "        for _ in range(1):\n            with self._flights",
        f"{SCHEDULES}::test_64_clients_whose_flight_set_out_too_early_share_the_next_one",
    ),
    mutant(
        "the lease outlives its front's sleep",
        "a front that was stopped shows old prices when it wakes",
        COHERENCE,
        "        is_leased = self.clock() < self.lease_until\n",
        "        is_leased = self.clock() < self.lease_until + 10\n",
        f"{LEASES}::test_a_front_stopped_for_three_leases",
        f"{LEASES}::test_pushes_fail_while_polls_succeed",
    ),
    mutant(
        "a book that moves leaves its old topic alone",
        "a topic lists a book that has left it",
        "bookstore_project/api/cached_resources.py",
        "        return {self._key_of(before), self._key_of(after)}\n",
        "        return {self._key_of(after)}\n",
        f"{SCHEDULES}::test_a_topic_move",
    ),
    Mutant(
        "what isn't there is remembered past its creation",
        "a new book can't be found",
        (
            Edit(
                READS,
                "            if entry is not None and view.admits(",
                "            if entry is not None and cache is self.negatives or entry is not None and view.admits(",
            ),
            Edit(
                READS,
                "        if not fetched.is_kept or not self",
                "        if not fetched.is_kept or False and not self",
            ),
        ),
        (f"{SCHEDULES}::test_a_negative_answer_that_comes_after_the_creation",),
    ),
    mutant(
        "the floor rises before the fronts know",
        "one customer sees the new price, and the next one the old one",
        "bookstore_project/replication/sqlite_pair/commit/recovery.py",
        '    if doubts:\n        caches.invalidate(witness.timeline, doubts)\n    reached("settle-invalidated")\n',
        '    reached("settle-invalidated")\n',
        f"{LEASES}::test_a_writer_killed_between_commit_and_floor",
    ),
    mutant(
        "reading a cached answer isn't use",
        "the books that everybody looks at are the first to go",
        f"{CACHE}/lru.py",
        "            items.move_to_end(made)\n            store.counters.hits += 1\n",
        "            store.counters.hits += 1\n",
        f"{SCHEDULES}::test_strict_eviction_order",
    ),
    # ---------------------------------------------------------------------- announced and never committed
    mutant(
        "what was announced and never committed bars its keys",
        "a book that nobody buys is fetched from the database by everybody who looks at it",
        ANNOUNCEMENTS,
        "        floors.lower_keys(settled, ",
        "        floors.lower_keys(10**9, ",
        f"{TAKEN_BACK}::test_what_was_never_committed_is_cached_again_after_two_polls",
    ),
    mutant(
        "what may still be committed is taken back",
        "the old price is cached between a writer's announcement and its commit, and shown afterwards",
        POLLS,
        "        return settle(service_name, timeout_s=0)\n",
        "        return engine.standing(get_service(service_name)).floor\n",
        f"{TAKEN_BACK}::test_what_is_about_to_be_committed_is_not_taken_back",
    ),
    mutant(
        "what was announced after the question is taken back with the answer",
        "a write that comes while a front polls is shown to nobody there",
        ANNOUNCEMENTS,
        "self._newest_push.items() if newest <= pushes]",
        "self._newest_push.items()]",
        f"{TAKEN_BACK}::test_what_is_announced_while_the_answer_is_under_way_is_not_taken_back",
    ),
    Mutant(
        "floors fall after the log's entries have raised them",
        "a front confirms a write, and shows the old price",
        (
            Edit(COHERENCE, TAKE_BACK, ""),
            Edit(
                COHERENCE,
                "            self.position = max(self.position or 0, answer.position)\n",
                f"{TAKE_BACK}            self.position = max(self.position or 0, answer.position)\n",
            ),
        ),
        (f"{TAKEN_BACK}::test_what_is_committed_while_the_poll_is_answered_is_not_taken_back",),
    ),
    mutant(
        "floors fall to nothing",
        "with what was taken back, an older price comes back",
        FLOORS,
        "                self._of_key[key] = position\n\n    def raise_base",
        "                self._of_key[key] = 0\n\n    def raise_base",
        f"{TAKEN_BACK}::test_an_old_value_does_not_come_back_with_what_was_taken_back",
    ),
)
