"""Breaks of group commit: what one change does to the others that are made with it."""

from tests.mutants import rooms
from tests.mutants.mutant import Mutant, mutant

ROOM = "bookstore_project/replication/sqlite_pair/commit"
ATTEMPT, WRITING = (f"{ROOM}/{name}.py" for name in ("attempt", "writing"))
GROUP, MEMBER = (f"bookstore_project/replication/writing/{name}.py" for name in ("group", "member"))
TESTS = f"{rooms.COMMIT}/test_group_commit.py"
COMBINING = "bookstore_project/nodes/balancing/combining.py"
COMBINING_TESTS = "bookstore_project/nodes/balancing/tests/test_combining.py"

MUTANTS: tuple[Mutant, ...] = (
    mutant(
        "a front that dies as a group is announced counts as told",
        "three books are shown at their old prices after the purchases, if the front comes back",
        "bookstore_project/replication/invalidation/sending.py",
        "        except client.NoAnswer:\n            return False\n        if",
        "        except client.NoAnswer:\n            return True\n        if",
        f"{rooms.INVALIDATION}/test_groups.py"
        "::test_a_front_that_dies_in_the_push_of_a_group_is_waited_for_and_all_are_acknowledged[as it is announced]",
    ),
    mutant(
        "a refused change of a group stays",
        "a purchase that was refused takes copies all the same",
        ATTEMPT,
        'self._in_each("ROLLBACK TO")',
        "pass",
        f"{TESTS}::test_a_refusal_takes_back_its_own_change_alone[other file-1]",
    ),
    mutant(
        "each entry of a group follows the log's old head",
        "of three purchases one is in the log",
        ATTEMPT,
        "                head = entries.Head(member.entry.position, member.entry.hash)\n",
        "                pass\n",
        f"{TESTS}::test_three_that_wait_are_one_commit_one_invalidation_and_one_floor",
    ),
    mutant(
        "the floor rises to a group's first entry alone",
        "a purchase is acknowledged that nobody is shown",
        ATTEMPT,
        "witness = self._raise_floor(witness, appended[-1].position)",
        "witness = self._raise_floor(witness, appended[0].position)",
        f"{TESTS}::test_three_that_wait_are_one_commit_one_invalidation_and_one_floor",
    ),
    mutant(
        "the fronts are told of a group's last entry alone",
        "two of three books are shown with their old stock",
        ATTEMPT,
        "self.caches.invalidate(witness.timeline, appended, announced)",
        "self.caches.invalidate(witness.timeline, appended[-1:])",
        f"{TESTS}::test_three_that_wait_are_one_commit_one_invalidation_and_one_floor",
    ),
    mutant(
        "a refusal that rests on a sale which never was is told",
        "the last copy is refused to one customer and sold to nobody",
        WRITING,
        "        if unchanged:\n",
        "        if not members:\n",
        f"{TESTS}::test_what_a_commit_left_unknown_is_unknown_for_all_that_changed_something_and_looked_at_anew_for_others",
    ),
    mutant(
        "one row that refers to nothing refuses the whole group",
        "a customer's purchase fails for another one's fault",
        WRITING,
        "        for member in members if len(members) > 1 else ():\n"
        "            _again(service, lock, caches, [member], faults)\n",
        "        for member in members:\n            member.has_failed(error)\n",
        f"{TESTS}::test_a_refusal_takes_back_its_own_change_alone[missing row-1]",
    ),
    mutant(
        "who has given up waiting stays in the queue",
        "a customer who was told that nothing happened has bought",
        GROUP,
        "            self._waiting.remove(place)\n",
        "            pass\n",
        f"{TESTS}::test_whose_time_is_up_in_the_queue_is_told_so_and_nothing_of_it_is_made",
    ),
    mutant(
        "those whose leader is gone are told that all is well",
        "an acknowledged order is nowhere",
        GROUP,
        "            if each is not place:\n",
        "            if not taken:\n",
        f"{TESTS}::test_nobody_waits_for_a_leader_that_is_gone",
    ),
    mutant(
        "a change is made in the leader's context",
        "a purchase is bounded by another customer's deadline",
        MEMBER,
        "            self.context.run(make)\n",
        "            make()\n",
        f"{TESTS}::test_a_change_is_made_in_the_context_of_its_caller",
    ),
    mutant(
        "a group's unknown outcome is told as a refusal to all but its leader",
        "a customer told that nothing happened buys again, and gets two",
        WRITING,
        "                member.has_failed_with_others(error)\n        # What",
        '                member.has_failed(Unavailable("no"))\n        # What',
        f"{TESTS}::test_fronts_that_cannot_be_told_make_it_unknown_for_all",
    ),
    mutant(
        "who gives up without the lock leaves the others of his call in the queue",
        "no purchase is made any more",
        GROUP,
        "        for place in places:  # A place that nobody sees to, after a defect, would stop the queue.\n"
        "            queue.leave(place)\n",
        "        pass\n",
        f"{TESTS}::test_a_call_that_breaks_off_leaves_nobody_in_the_queue",
    ),
    mutant(
        "answers of purchases that went together are mixed up",
        "a customer gets the link to another one's order",
        COMBINING,
        "for each, outcome in zip(taken, outcomes, strict=True):",
        "for each, outcome in zip(reversed(taken), outcomes, strict=True):",
        f"{COMBINING_TESTS}::test_those_that_wait_go_together_and_each_gets_its_own_answer",
    ),
    mutant(
        "a front calls order replicas as often as it likes",
        "purchases take all threads of a replica, and reads find none",
        COMBINING,
        "threading.BoundedSemaphore(most_calls)",
        "threading.BoundedSemaphore(1000)",
        f"{COMBINING_TESTS}::test_no_more_calls_are_under_way_than_may_be",
    ),
    mutant(
        "the requests of a call without an answer are called unsent",
        "a purchase that may have been made is told as one that wasn't",
        COMBINING,
        "outcomes = [type(error)(str(error)) for _ in taken]",
        "outcomes = [NeverSent(str(error)) for _ in taken]",
        f"{COMBINING_TESTS}::test_what_befalls_the_call_befalls_each_of_its_requests[NoAnswer]",
    ),
    mutant(
        "purchases that come together have one deadline",
        "copies are sold to a customer who was told that it was too late",
        "catalog_app/batches.py",
        'Asked(members["order"], lines, part.deadline, ',
        'Asked(members["order"], lines, None, ',
        "catalog_app/tests/test_batches.py::test_each_has_a_deadline_of_its_own",
    ),
    mutant(
        "purchases that are refused together hear what the first of them does",
        "a purchase that may have been made is told as one that wasn't",
        "bookstore_project/nodes/gateway/batches.py",
        '{"status": each.status, "headers": dict(each.headers)}, each.body)',
        '{"status": each.status, "headers": dict(each.headers)}, answers[0].body)',
        "bookstore_project/nodes/gateway/tests/test_batch_gateway.py"
        "::test_what_is_unknown_of_one_stays_so_where_the_others_are_refused",
    ),
    mutant(
        "a replica that refuses all of a call is taken for one that answers",
        "a replica that is out of sync stays in rotation",
        "bookstore_project/nodes/balancing/balancer.py",
        "min(replies, key=lambda reply: reply.status)",
        "client.Reply(200, {}, b'')",
        "bookstore_project/nodes/balancing/tests/test_balancer.py"
        "::test_whoever_refuses_all_of_a_call_is_out_and_whoever_refuses_some_is_not",
    ),
)
