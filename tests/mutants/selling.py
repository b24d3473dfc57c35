"""Breaks of what makes a purchase happen exactly once."""

from tests.mutants.mutant import Edit, Mutant, mutant

SELLING, TESTS = "catalog_app/sales.py", "catalog_app/tests/test_selling.py"
BASKETS = "catalog_app/tests/test_baskets.py"
PURCHASE, PURCHASE_TESTS = "order_app/purchase.py", "order_app/tests/test_purchase.py"
ASKING, UPSTREAM = "order_app/clients.py", "frontend_app/clients.py"
BALANCING_TESTS = "frontend_app/tests/test_balancing.py"

AND_NO_ANSWER = "                continue\n            except client.NoAnswer as error:\n"
DEADLINE = '    deadlines.assert_not_after(asked.deadline, "sold")\n'

MUTANTS: tuple[Mutant, ...] = (
    mutant(
        "any secret key will do",
        "a purchase that is repeated after the key was replaced is bought twice",
        "bookstore_project/settings/secret_files.py",
        "    if 2 * agreeing <= known.total():\n",
        "    if not known.total():\n",
        "bookstore_project/cluster/tests/test_secrets.py"
        "::test_with_data_there_a_secret_that_went_wrong_is_an_error_that_says_the_way_back[another one-secret-key]",
    ),
    mutant(
        "a lost secret key is made anew",
        "a purchase that is repeated after the key was lost is bought twice",
        "bookstore_project/settings/secret_files.py",
        "            if _known(secret) or (not any(map(_known, SECRETS)) and has_history()):\n"
        "                raise\n",
        "",
        "bookstore_project/cluster/tests/test_secrets.py"
        "::test_with_data_there_a_secret_that_went_wrong_is_an_error_that_says_the_way_back[removed-secret-key]",
    ),
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
                "    return _sale(run(topology.CATALOG, _selling(asked), in_group=True))\n",
                f"{DEADLINE}    return _sale(run(topology.CATALOG, _selling(asked), in_group=True))\n",
            ),
        ),
        (f"{TESTS}::test_the_deadline_is_checked_under_the_lock",),
    ),
    mutant(
        "a refusal isn't recorded",
        "an order that was refused is sold all the same when its stalled attempt arrives",
        SELLING,
        "                record(book, LedgerEntry.Kind.REFUSAL, 0, order=order, quantity=line.quantity)\n",
        "                pass\n",
        f"{TESTS}::test_a_refusal_stays_a_refusal",
        f"{TESTS}::test_a_late_attempt_of_a_refused_order_sells_nothing",
    ),
    mutant(
        "an unknown book isn't recorded",
        "an order that was answered 404 is sold when the book comes",
        SELLING,
        "            KeyedAnswer.objects.create(key=order,",
        "            KeyedAnswer(key=order,",
        f"{TESTS}::test_an_unknown_book_stays_unknown_to_its_order",
        f"{BASKETS}::test_a_refused_basket_stays_refused_word_for_word",
    ),
    mutant(
        "a key serves for another purchase",
        "a customer asks for two copies, and is shown an order of one",
        SELLING,
        "    if len(known) != len(lines) or not all(_is_same(line, by_book.get(line.book)) for line in lines):\n"
        "        raise problems.IdempotencyConflict.of_purchase(is_bought=is_sale)\n",
        "",
        f"{TESTS}::test_an_order_that_asks_for_something_else_is_a_conflict",
        f"{BASKETS}::test_a_repeat_with_other_lines_is_a_conflict",
    ),
    mutant(
        "a basket is sold without what is missing",
        "a customer pays for two books of the three that were to be one order",
        SELLING,
        "    if missing:\n",
        "    if len(missing) == len(lines):\n",
        f"{BASKETS}::test_nothing_is_sold_if_a_line_is_missing_and_each_missing_one_is_named",
    ),
    mutant(
        "another price than the customer saw is taken",
        "a customer is charged what no page has shown",
        SELLING,
        "    elif line.unit_price is not None and line.unit_price != book.price:\n",
        "    elif False:\n",
        f"{BASKETS}::test_at_another_price_than_seen_nothing_is_sold_and_at_the_same_one_it_is",
    ),
    mutant(
        "a list of sales ends in the middle of a basket",
        "the sweeper writes an order that lacks a book, and never looks at it again",
        "catalog_app/selectors.py",
        "    if len(found) == limit:\n",
        "    if False:\n",
        f"{BASKETS}::test_lists_of_sales_never_cut_a_basket",
    ),
    mutant(
        "only the first line of a basket is written",
        "an order shows one book where three were sold",
        PURCHASE,
        "for line in sale.lines]",
        "for line in sale.lines[:1]]",
        "order_app/tests/test_baskets.py::test_a_basket_becomes_one_order_with_lines_in_all_four_files",
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
        "catalog_app/tests/test_ledger_rules.py"
        "::test_a_change_that_the_ledger_does_not_explain_is_refused[stock without ledger row]",
    ),
    mutant(
        "a repeat of a sale isn't recognised",
        "a customer whose answer was lost on its way is told of an error, and the order is never written",
        SELLING,
        "    if order_is_known(order):\n",
        "    if False:\n",
        f"{TESTS}::test_sellers_of_one_order_sell_it_once",
    ),
    mutant(
        "a sale without an answer is called failed",
        "a customer told that nothing happened buys again, and gets two",
        ASKING,
        "                each.may_be_sold = True\n",
        "                pass\n",
        f"{PURCHASE_TESTS}::test_no_answer_from_anybody_is_unknown_and_the_retry_finds_out",
        f"{PURCHASE_TESTS}::test_unknown_and_then_unavailable_is_still_unknown",
    ),
    mutant(
        "the second attempt at a sale calls itself the first",
        "a refusal that the customer was told is in no ledger, and the stalled attempt sells",
        ASKING,
        '"first_attempt": self.is_first_attempt and attempt.is_first,',
        '"first_attempt": self.is_first_attempt,',
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
)
