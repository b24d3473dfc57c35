"""Breaks of what keeps a shared cache at arm's length."""

from tests.mutants.mutant import Mutant, mutant

SHARED, BREAKER, LOOKUPS, CHANGES = (
    "frontend_app/cache/shared/cache.py",
    "bookstore_project/nodes/balancing/circuit_breaker.py",
    "frontend_app/cache/shared/lookups.py",
    "frontend_app/cache/shared/write_behind.py",
)
READS, LOOP_LOOKUPS = "frontend_app/cache/reads.py", "frontend_app/gateway/lookup_batches.py"
HITS_TESTS = "frontend_app/gateway/tests/test_shared_hits.py"
SHARED_TESTS = "frontend_app/cache/shared/tests/test_shared_cache.py"
REDIS_TESTS = "frontend_app/cache/shared/tests/test_redis.py"

MUTANTS: tuple[Mutant, ...] = (
    mutant(
        "an answer counts under any key",
        "a customer asks for one book and is shown another",
        "frontend_app/cache/shared/signing.py",
        '            b"%d:%b%b" % (len(name), name, value),',
        "            value,",
        f"{SHARED_TESTS}::test_a_value_counts_only_whole_under_its_key_and_from_this_store",
    ),
    mutant(
        "seals aren't looked at",
        "whoever has the Redis puts prices in",
        "frontend_app/cache/shared/signing.py",
        "return value if hmac.compare_digest(sealed[:SIZE_BYTES], self._digest(key, value)) else None",
        "return value",
        f"{SHARED_TESTS}::test_a_value_counts_only_whole_under_its_key_and_from_this_store",
    ),
    mutant(
        "a cache that fails is asked again at once",
        "each customer waits for a Redis that hangs",
        BREAKER,
        "            self.status = after = BreakerStatus(State.OPEN,",
        "            after = BreakerStatus(State.OPEN,",
        f"{SHARED_TESTS}::test_a_failure_is_a_miss_and_leaves_the_cache_out",
        f"{SHARED_TESTS}::test_who_waits_too_long_goes_on_and_the_others_do_not_wait",
        f"{REDIS_TESTS}::test_a_hung_redis_is_left_out_until_it_answers",
    ),
    mutant(
        "a cache that was left out is never tried again",
        "the store is slow until somebody restarts the front",
        BREAKER,
        "            returns = not before.is_closed and began_at >= before.changed_at\n",
        "            returns = False\n",
        f"{SHARED_TESTS}::test_after_a_pause_one_trial_decides",
        f"{REDIS_TESTS}::test_a_redis_that_is_killed_and_started_again",
    ),
    mutant(
        "everybody tries a cache that was left out",
        "a crowd waits for a Redis that hangs, once a second",
        BREAKER,
        "            self.status = replace(known, is_on_trial=True)\n",
        "",
        f"{SHARED_TESTS}::test_after_a_pause_one_trial_decides",
    ),
    mutant(
        "an error reply leaves the cache out",
        "one odd value in Redis makes every read slow",
        SHARED,
        "        except _our_fault():\n            with self._lock:\n                self._failures += 1\n"
        "            return None, None\n",
        "        except ZeroDivisionError:\n            pass\n",
        f"{SHARED_TESTS}::test_an_error_reply_concerns_one_call_alone",
        f"{REDIS_TESTS}::test_a_redis_that_may_only_be_read",
    ),
    mutant(
        "a front doesn't see its own changes before they are carried out",
        "each change of a book sends its readers to the replicas for longer than it takes",
        SHARED,
        "        pending = self._writes.find(key)\n",
        "        pending = None\n",
        f"{SHARED_TESTS}::test_a_front_sees_its_own_changes_before_they_are_carried_out",
    ),
    mutant(
        "whoever asks during a lookup takes what that finds",
        "after each change, whoever comes at once goes to the replicas for what Redis has",
        LOOKUPS,
        "            for question in questions:\n                question.answer(found)\n",
        "            for question in (*questions, *self._rest()):\n                question.answer(found)\n",
        f"{SHARED_TESTS}::test_who_asks_during_a_lookup_gets_a_later_one",
    ),
    mutant(
        "a change that came during another of its key is forgotten",
        "the newest answer never gets into Redis",
        CHANGES,
        "                if self._pending.get(key) is change:\n",
        "                if key in self._pending:\n",
        f"{SHARED_TESTS}::test_a_front_sees_its_own_changes_before_they_are_carried_out",
    ),
    mutant(
        "the event loop asks a shared cache without a lease",
        "a front that is cut off shows old prices",
        LOOP_LOOKUPS,
        "not view.is_leased or ",
        "",
        f"{HITS_TESTS}::test_without_a_lease_nobody_is_asked",
    ),
    mutant(
        "an entry that the event loop has waited for counts whatever its floor",
        "a customer who has just bought is shown the stock from before",
        READS,
        "        if found is not None and view.admits(found.asof, found.timeline):\n",
        "        if found is not None:\n",
        f"{HITS_TESTS}::test_who_comes_after_a_write_is_not_answered_by_a_lookup_from_before",
    ),
    mutant(
        "who came while a lookup hangs waits for its end",
        "each customer of that moment waits for as long as Redis hangs",
        LOOP_LOOKUPS,
        "        self._tell([*waiters, *meanwhile], {})\n",
        "        self._tell(waiters, {})\n",
        f"{HITS_TESTS}::test_all_who_wait_for_a_hung_cache_go_on_together",
    ),
    mutant(
        "a flight sets out though another has just landed",
        "a crowd that wants one book asks the replicas again and again",
        READS,
        "        # Again: while this reader looked, another's flight may have landed.\n"
        "        entry = self._look(key, view)\n",
        "        entry = None\n",
        "frontend_app/cache/tests/test_coherence.py::test_a_reader_that_looked_before_another_landed_makes_no_call",
    ),
)
