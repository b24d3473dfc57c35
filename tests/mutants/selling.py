"""Breaks of what makes a purchase happen exactly once."""

from tests.mutants.mutant import Edit, Mutant, mutant

SELLING, TESTS = "catalog_app/selling.py", "catalog_app/tests/test_selling.py"
PURCHASE, PURCHASE_TESTS = "order_app/purchase.py", "order_app/tests/test_purchase.py"
ASKING, UPSTREAM = "order_app/clients.py", "frontend_app/clients.py"
BALANCING_TESTS = "frontend_app/tests/test_balancing.py"
WIRE_TESTS = "bookstore_project/wire/balancing/tests"

AND_NO_ANSWER = "                continue\n            except client.NoAnswer as error:\n"
DEADLINE = """        if deadline is not None and time.time() > deadline:
            raise problems.Unavailable("This attempt came after its deadline; nothing was sold.")
"""

MUTANTS: tuple[Mutant, ...] = (
    mutant(
        "nobody looks at the deadline",
        "copies are sold to a customer who was told long ago that it went wrong",
        SELLING,
        DEADLINE,
        "",
        f"{TESTS}::test_an_attempt_after_its_deadline_sells_nothing",
    ),
    Mutant(
        "the deadline is looked at before the lock is had",
        "an attempt that waited for the lock sells to a customer who has gone",
        (
            Edit(SELLING, DEADLINE, ""),
            Edit(
                SELLING,
                "    outcome = run(topology.CATALOG, change)\n",
                f"{DEADLINE.replace('        ', '    ', 1).replace('            raise', '        raise')}"
                "    outcome = run(topology.CATALOG, change)\n",
            ),
        ),
        (f"{TESTS}::test_the_deadline_is_checked_under_the_lock",),
    ),
    mutant(
        "a refusal isn't recorded",
        "an order that was refused is sold all the same when its stalled attempt arrives",
        SELLING,
        "        record(book, LedgerEntry.Kind.REFUSAL, 0, order=order, quantity=quantity)\n",
        "        pass\n",
        f"{TESTS}::test_a_refusal_stays_a_refusal",
        f"{TESTS}::test_a_late_attempt_of_a_refused_order_sells_nothing",
    ),
    mutant(
        "an unknown book isn't recorded",
        "an order that was answered 404 is sold when the book comes",
        SELLING,
        "        KeyedAnswer.objects.create(key=order,",
        "        KeyedAnswer(key=order,",
        f"{TESTS}::test_an_unknown_book_stays_unknown_to_its_order",
    ),
    mutant(
        "a key serves for another purchase",
        "a customer asks for two copies, and is shown an order of one",
        SELLING,
        "    if (known.book_id, known.quantity) != (book_id, quantity):\n        raise _conflict()\n",
        "",
        f"{TESTS}::test_an_order_that_asks_for_something_else_is_a_conflict",
    ),
    mutant(
        "an order that can't be written after the sale is called failed",
        "a customer told that nothing happened buys again, and gets two",
        PURCHASE,
        'raise OutcomeUnknown(f"The copies are sold',
        'raise Unavailable(f"The copies are sold',
        f"{PURCHASE_TESTS}::test_an_order_service_that_cannot_write_after_the_sale_does_not_say_failed",
    ),
    mutant(
        "stock may change without its ledger",
        "copies vanish, and nobody can say why",
        "catalog_app/receivers.py",
        "    if moved != explained:\n",
        "    if False:\n",
        "bookstore_project/replication/tests/test_refusals.py"
        "::test_a_change_that_the_ledger_does_not_explain_is_refused[stock without ledger row]",
    ),
    mutant(
        "a repeat of a sale isn't recognised",
        "a customer whose answer was lost on its way is told of an error, and the order is never written",
        SELLING,
        "        if order_is_known(order):\n",
        "        if False:\n",
        f"{TESTS}::test_sellers_of_one_order_sell_it_once",
    ),
    mutant(
        "a sale without an answer is called failed",
        "a customer told that nothing happened buys again, and gets two",
        ASKING,
        "        except CallFailed:\n            may_have_sold = True\n",
        "        except CallFailed:\n",
        f"{PURCHASE_TESTS}::test_no_answer_from_anybody_is_unknown_and_the_retry_finds_out",
        f"{PURCHASE_TESTS}::test_unknown_and_then_unavailable_is_still_unknown",
    ),
    mutant(
        "the second attempt at a sale calls itself the first",
        "a refusal that the customer was told is in no ledger, and the stalled attempt sells",
        ASKING,
        '"first_attempt": is_first_attempt and attempt.is_first,',
        '"first_attempt": is_first_attempt,',
        f"{PURCHASE_TESTS}::test_the_first_attempt_is_first_at_one_replica_only",
    ),
    mutant(
        "the front repeats a purchase under another key",
        "a customer whose answer was lost on its way gets two",
        UPSTREAM,
        "            extra = {headers.IDEMPOTENCY_KEY: key}\n",
        "            extra = {headers.IDEMPOTENCY_KEY: idempotency.new_key()}\n",
        f"{BALANCING_TESTS}::test_a_purchase_is_repeated_on_the_other_replica_with_the_same_key",
    ),
    mutant(
        "the front calls its second attempt the first",
        "a refusal that the customer was told is in no ledger, and the stalled attempt sells",
        UPSTREAM,
        "            if is_own_key and not has_left:\n",
        "            if is_own_key:\n",
        f"{BALANCING_TESTS}::test_a_purchase_is_repeated_on_the_other_replica_with_the_same_key",
    ),
    mutant(
        "the front calls a purchase without an answer failed",
        "a customer told that nothing happened buys again, and gets two",
        UPSTREAM,
        "                has_left = may_be_done = True\n",
        "                has_left = True\n",
        f"{BALANCING_TESTS}::test_a_purchase_that_may_have_been_made_is_unknown_and_names_order_and_key",
    ),
    mutant(
        "the front repeats a change that may have been made",
        "five copies restocked are ten",
        UPSTREAM,
        f"            except client.NeverSent:\n{AND_NO_ANSWER}",
        f"            except client.CallFailed:\n{AND_NO_ANSWER}",
        f"{BALANCING_TESTS}::test_a_change_that_may_have_arrived_is_not_repeated",
    ),
    mutant(
        "a check from before the failure brings a replica back",
        "customers wait for a dead replica",
        "bookstore_project/wire/balancing/health.py",
        "if asked_at >= before.changed_at:",
        "if True:",
        f"{WIRE_TESTS}/test_health.py::test_a_check_sent_before_the_failure_brings_nobody_back",
    ),
    mutant(
        "a half-open replica takes whatever comes",
        "a replica that still hangs keeps a crowd waiting at each try",
        "bookstore_project/wire/balancing/health.py",
        "            if known.state is not State.HALF_OPEN or known.is_on_trial:\n",
        "            if known.state is not State.HALF_OPEN:\n",
        f"{WIRE_TESTS}/test_health.py::test_half_open_takes_one_trial_at_a_time",
    ),
    mutant(
        "the last resort is whoever hangs, too",
        "with both replicas gone, each customer waits until the time is up to be told so",
        "bookstore_project/wire/balancing/turns.py",
        "Fault.GONE: _GONE}",
        "Fault.GONE: _GONE, Fault.HUNG: _GONE}",
        f"{WIRE_TESTS}/test_turns.py::test_the_last_resort_is_whoever_refuses_politely_then_whoever_is_gone_never_who_hangs",
        f"{WIRE_TESTS}/test_balancer.py::test_when_all_have_hung_nobody_waits_for_them_again",
    ),
    mutant(
        "drained replicas have their turns",
        "staff works on a replica that customers are still sent to",
        "bookstore_project/wire/balancing/turns.py",
        "                return _DRAINED\n",
        "                return _IN_ROTATION\n",
        f"{WIRE_TESTS}/test_turns.py::test_a_drained_replica_has_no_turn_until_it_is_the_last",
    ),
    mutant(
        "a request that comes after its deadline is served",
        "in an overload, all work is for customers who have gone",
        "bookstore_project/replication/http.py",
        "        deadlines.assert_time_left()\n",
        "",
        "catalog_app/tests/test_routes.py::test_nobody_reads_for_a_node_that_waits_no_longer",
    ),
    mutant(
        "waiting for the lock goes on after the deadline",
        "threads are full of writes that nobody waits for",
        "bookstore_project/replication/transaction.py",
        "    patience_s = min(timeout_s, deadlines.left_s())\n",
        "    patience_s = timeout_s\n",
        "bookstore_project/replication/tests/test_deadlines.py::test_waiting_for_the_lock_ends_with_the_deadline",
    ),
    mutant(
        "each hop has as much time as its caller",
        "a customer whose time is up is told that the outcome is unknown, though nothing was done",
        "bookstore_project/wire/client.py",
        'f"{deadline - HOP_MARGIN_S:.3f}"',
        'f"{deadline:.3f}"',
        "bookstore_project/wire/tests/test_deadlines.py::test_each_hop_has_a_little_less_time_than_its_caller",
    ),
    mutant(
        "a stall is taken for a lane's pace",
        "when one replica hangs for a moment, customers are refused whom the other would have served",
        "frontend_app/gateway/lanes.py",
        "return min(place * self.usual_s / self._count_of_slots, self._pace.expected_wait_s(place))",
        "return self._pace.expected_wait_s(place)",
        "frontend_app/tests/test_lanes.py::test_a_stall_that_fills_a_lane_is_not_taken_for_its_pace",
    ),
    mutant(
        "retries cost nothing",
        "an outage doubles the load on what is left",
        "bookstore_project/wire/balancing/budget.py",
        "            self._tokens -= 1\n",
        "",
        f"{WIRE_TESTS}/test_balancer.py::test_a_long_outage_does_not_double_the_calls",
    ),
    mutant(
        "a client in a hurry takes replicas out",
        "whoever asks for an answer within a millisecond makes the shop refuse everybody else",
        "bookstore_project/wire/balancing/balancer.py",
        "is_short=until < now + attempt_s",
        "is_short=False",
        f"{WIRE_TESTS}/test_balancer.py::test_a_client_with_little_time_takes_nobody_out",
    ),
)
