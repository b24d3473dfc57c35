"""Breaks of what lets the store go on while replicas fail, and customers come in crowds."""

from tests.mutants.mutant import Mutant, mutant

WIRE_TESTS = "bookstore_project/nodes/balancing/tests"

MUTANTS: tuple[Mutant, ...] = (
    mutant(
        "a check from before the failure brings a replica back",
        "customers wait for a dead replica",
        "bookstore_project/nodes/balancing/circuit_breaker.py",
        "if asked_at >= before.changed_at:",
        "if True:",
        f"{WIRE_TESTS}/test_circuit_breaker.py::test_a_check_sent_before_the_failure_brings_nobody_back",
    ),
    mutant(
        "a half-open replica takes whatever comes",
        "a replica that still hangs keeps a crowd waiting at each try",
        "bookstore_project/nodes/balancing/circuit_breaker.py",
        "            if known.state is not State.HALF_OPEN or known.is_on_trial:\n",
        "            if known.state is not State.HALF_OPEN:\n",
        f"{WIRE_TESTS}/test_circuit_breaker.py::test_half_open_takes_one_trial_at_a_time",
    ),
    mutant(
        "the last resort is whoever hangs, too",
        "with both replicas gone, each customer waits until the time is up to be told so",
        "bookstore_project/nodes/balancing/round_robin.py",
        "Fault.GONE: _GONE}",
        "Fault.GONE: _GONE, Fault.HUNG: _GONE}",
        f"{WIRE_TESTS}/test_round_robin.py::test_the_last_resort_is_whoever_refuses_politely_then_whoever_is_gone_never_who_hangs",
        f"{WIRE_TESTS}/test_balancer.py::test_when_all_have_hung_nobody_waits_for_them_again",
    ),
    mutant(
        "drained replicas have their turns",
        "staff works on a replica that customers are still sent to",
        "bookstore_project/nodes/balancing/round_robin.py",
        "                return _DRAINED\n",
        "                return _IN_ROTATION\n",
        f"{WIRE_TESTS}/test_round_robin.py::test_a_drained_replica_has_no_turn_until_it_is_the_last",
    ),
    mutant(
        "a request that comes after its deadline is served",
        "in an overload, all work is for customers who have gone",
        "bookstore_project/replication/web/views.py",
        "        deadlines.assert_time_left()\n",
        "",
        "catalog_app/tests/test_routes.py::test_nobody_reads_for_a_node_that_waits_no_longer",
    ),
    mutant(
        "waiting for the lock goes on after the deadline",
        "threads are full of writes that nobody waits for",
        "bookstore_project/replication/sqlite_pair/commit/writing.py",
        "with writer_lock(service.lock_dir, timeout_s=min(timeout_s, deadlines.left_s())) as lock:",
        "with writer_lock(service.lock_dir, timeout_s=timeout_s) as lock:",
        "bookstore_project/replication/tests/test_deadlines.py::test_waiting_for_the_lock_ends_with_the_deadline",
    ),
    mutant(
        "each hop has as much time as its caller",
        "a customer whose time is up is told that the outcome is unknown, though nothing was done",
        "bookstore_project/nodes/client.py",
        "clocks.told(node.name, deadline - HOP_MARGIN_S)",
        "clocks.told(node.name, deadline)",
        "bookstore_project/nodes/tests/test_deadlines.py::test_each_hop_has_a_little_less_time_than_its_caller",
    ),
    mutant(
        "a connection that the other side has closed is used again",
        "after a node has started anew, customers are told that the outcome is unknown",
        "bookstore_project/nodes/connections.py",
        "return not looking.poll(0)",
        "return True",
        "bookstore_project/nodes/tests/test_connections.py"
        "::test_a_connection_that_is_no_good_any_more_is_not_used_again",
    ),
    mutant(
        "a connection is used again on which half an answer is left",
        "after a late answer the next customer gets somebody else's",
        "bookstore_project/nodes/pools.py",
        """            connection.close()
            raise BrokenOff(str(error)) from error""",
        """            self._give_back(connection)
            raise BrokenOff(str(error)) from error""",
        "bookstore_project/nodes/tests/test_connections.py"
        "::test_what_is_no_whole_answer_is_told_from_what_was_never_sent",
        "bookstore_project/nodes/tests/test_connections.py::test_a_late_answer_is_none",
    ),
    mutant(
        "a connection is used again on which an answer is still to come",
        "an invalidation passes for taken by the answer to another one",
        "bookstore_project/nodes/pools.py",
        "            self._connection.close()  # What comes on it",
        "            self._pool._give_back(self._connection)  # What comes on it",
        "bookstore_project/nodes/tests/test_connections.py"
        "::test_an_answer_that_nobody_asked_for_is_none_to_the_next_call",
    ),
    mutant(
        "an answer that breaks off counts as one that never left",
        "a purchase that may have been made is made again under another key",
        "bookstore_project/nodes/pools.py",
        "raise BrokenOff(str(error)) from error",
        "raise NotConnected(str(error)) from error",
        "bookstore_project/nodes/tests/test_connections.py"
        "::test_what_is_no_whole_answer_is_told_from_what_was_never_sent",
    ),
    mutant(
        "a deadline is told in the time of whoever tells it",
        "a host whose clock is fast refuses all that the other one asks of it",
        "bookstore_project/nodes/clocks.py",
        "return moment + self._off_s.get(node, 0.0)",
        "return moment",
        "bookstore_project/nodes/tests/test_deadlines.py"
        "::test_a_node_whose_clock_is_wrong_is_told_its_deadline_in_its_time",
    ),
    mutant(
        "a stall is taken for a lane's pace",
        "when one replica hangs for a moment, customers are refused whom the other would have served",
        "frontend_app/gateway/admission.py",
        "return min(place * self.usual_s / self._count_of_slots, self._pace.expected_wait_s(place))",
        "return self._pace.expected_wait_s(place)",
        "frontend_app/gateway/tests/test_admission.py::test_a_stall_that_fills_a_lane_is_not_taken_for_its_pace",
    ),
    mutant(
        "retries cost nothing",
        "an outage doubles the load on what is left",
        "bookstore_project/nodes/balancing/retry_budget.py",
        "            self._tokens -= 1\n",
        "",
        f"{WIRE_TESTS}/test_balancer.py::test_a_long_outage_does_not_double_the_calls",
    ),
    mutant(
        "a client in a hurry takes replicas out",
        "whoever asks for an answer within a millisecond makes the shop refuse everybody else",
        "bookstore_project/nodes/balancing/balancer.py",
        "is_short=until < now + attempt_s",
        "is_short=False",
        f"{WIRE_TESTS}/test_balancer.py::test_a_client_with_little_time_takes_nobody_out",
    ),
)
