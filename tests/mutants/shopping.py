"""Breaks of what makes a purchase in the shop one order, and keeps what a visitor has."""

from tests.mutants.mutant import Mutant, mutant

SHOP = "frontend_app/shop"
BUYING, BASKET_PAGES, SINGLES = f"{SHOP}/buying.py", f"{SHOP}/basket_pages.py", f"{SHOP}/single_purchases.py"
OTHER_TABS = f"{SHOP}/other_tabs.py"
ONCE, REFUSALS = f"{SHOP}/tests/test_buying_once.py", f"{SHOP}/tests/test_refusals.py"
BASKET_TESTS, ORDER_TESTS = f"{SHOP}/tests/test_basket.py", f"{SHOP}/tests/test_orders.py"
UNWRITTEN = "order_app/tests/test_unwritten_orders.py"

MUTANTS: tuple[Mutant, ...] = (
    mutant(
        "a purchase has another key than its form",
        "who presses twice buys twice",
        BUYING,
        "found = catalogue.buy(front(), lines, key)",
        "found = catalogue.buy(front(), lines, idempotency.new_key())",
        f"{ONCE}::test_pressed_again_reloaded_or_in_another_tab_it_is_the_same_order",
        f"{ONCE}::test_who_refuses_cookies_buys_a_book_from_its_page_once",
    ),
    mutant(
        "a basket has another key on each page",
        "who asks for the basket again after a lost answer buys twice",
        BASKET_PAGES,
        '"key": kept.key,',
        '"key": made_changes.baskets.new_key(),',
        f"{ONCE}::test_a_lost_answer_leaves_the_basket_and_the_next_try_finds_the_order",
    ),
    mutant(
        "the keys of single purchases are begun anew when there are many",
        "who asks for a book again after a lost answer, and many other purchases, buys it twice",
        SINGLES,
        "book in self.turns or len(self.turns) < MOST_BOOKS",
        "True",
        f"{ONCE}::test_a_key_is_never_forgotten_and_what_can_t_be_counted_is_bought_through_the_basket",
    ),
    mutant(
        "what was bought isn't counted",
        "who buys a book a second time on purpose is shown the order of before",
        BUYING,
        "    if after != singles:\n",
        "    if False:\n",
        f"{ONCE}::test_a_book_bought_at_once_is_one_order_until_it_is_made_whatever_page_is_asked_for_again",
    ),
    mutant(
        "a basket becomes another one though its order can't be read",
        "what was bought in another tab is in the basket still, to be bought again",
        BUYING,
        "    with suppress(problems.StoreError):\n"
        "        _put_aside(request, response, key, catalogue.order_found(front(), order_id))\n",
        "    baskets.write(response, made_changes.read(request).without({}))\n",
        f"{ONCE}::test_an_order_that_cannot_be_read_now_leaves_the_basket_with_its_key",
    ),
    mutant(
        "a bought basket is emptied",
        "what was put in from another tab meanwhile is lost",
        BUYING,
        "        baskets.write(response, kept.without(catalogue.copies_of(order)))\n",
        "        baskets.write(response, kept.without(kept.copies))\n",
        f"{ONCE}::test_a_basket_bought_in_another_tab_before_it_was_changed_is_not_bought_twice",
    ),
    mutant(
        "purchases of the last minutes are not looked at",
        "of two orders made in two tabs at the same moment, one is not among the visitor's",
        f"{SHOP}/made_purchases.py",
        "    return [key for name in request.COOKIES if",
        "    return [key for name in () if",
        f"{ONCE}::TestAtTheSameMoment::test_both_orders_are_the_visitors_and_each_book_has_another_key",
    ),
    mutant(
        "a purchase is kept apart only until the list has it",
        "an order is not among the visitor's, if one that was begun before it is answered after the next",
        f"{SHOP}/made_purchases.py",
        "    listed = known[LATEST:]\n",
        "    listed = known\n",
        f"{ONCE}::TestAtTheSameMoment::test_one_that_is_answered_after_others_hides_none_of_them",
    ),
    mutant(
        "a form that was sent before is never made again",
        "who puts in once more what was taken out is told that it is in the basket, which is empty",
        f"{SHOP}/basket_pages.py",
        "    if is_known and all(each.book_id in kept.copies for each in wanted):\n",
        "    if is_known:\n",
        f"{BASKET_TESTS}::TestAFormSentTwice::test_it_puts_the_book_in_once_more_after_it_has_left_the_basket",
    ),
    mutant(
        "a number that was typed is not looked at",
        "who presses Buy buys as many copies as the page had shown before",
        BUYING,
        "    if typed := Change.typed(request.POST):\n",
        "    if typed := None:\n",
        "frontend_app/shop/tests/test_basket.py::TestTypedNumbers::"
        "test_who_buys_with_one_is_asked_again_and_buys_what_was_typed",
    ),
    mutant(
        "a refusal is asked for under the same key",
        "who takes what is left is refused for ever",
        BUYING,
        "next_key = single_purchases.key_after(key)",
        "next_key = key",
        f"{REFUSALS}::test_what_is_missing_is_named_and_the_rest_is_another_basket",
    ),
    mutant(
        "the key that the address of a refusal brings along isn't taken",
        "who refuses cookies, and asks again for what is left after a lost answer, buys it twice",
        f"{SHOP}/looking.py",
        "refused.key if refused and refused.key else key",
        "key",
        f"{REFUSALS}::TestItsAddress::test_the_page_of_a_refusal_is_the_same_each_time[no cookies]",
    ),
    mutant(
        "a refusal is told for ever",
        "who has bought what was left, and goes back, reads that nothing was bought",
        f"{SHOP}/refusals.py",
        "signing.dumps(members, salt=_SALT + known_key",
        "signing.dumps(members, salt=_SALT",
        f"{REFUSALS}::TestItsAddress::test_a_refusal_is_told_until_what_is_left_is_bought[/basket/]",
    ),
    mutant(
        "a lost change isn't told",
        "a book that was put in from one of two tabs isn't there, and nobody says so",
        OTHER_TABS,
        "LostChange(book_id, is_kept=True) if kept.lacks(number, last_change) else None",
        "None",
        f"{BASKET_TESTS}::TestAtTheSameMoment::test_what_cannot_be_made_again_is_told[False]",
    ),
    mutant(
        "a change that another tab's came in the way of isn't made again",
        "of two books put in at the same moment one isn't in the basket",
        f"{SHOP}/made_changes.py",
        "        if kept.lacks(number, token) and (",
        "        if False and (",
        f"{BASKET_TESTS}::TestAtTheSameMoment::test_all_of_them_are_made_whichever_page_is_asked_for_first",
    ),
    mutant(
        "a change that is made again is another one",
        "each time that its page is asked for there is one copy more in the basket",
        f"{SHOP}/basket.py",
        "token or new_token()",
        "new_token()",
        f"{BASKET_TESTS}::TestAtTheSameMoment::test_many_of_them_too_each_once_however_often_its_page_is_asked_for",
    ),
    mutant(
        "a number of copies that nobody touched counts",
        "a book that was put in from one of two tabs is out again, by a press in the other one",
        f"{SHOP}/basket_changes.py",
        "            copies = now\n",
        "            pass\n",
        f"{BASKET_TESTS}::TestAnotherTab::test_a_number_that_nobody_touched_undoes_nothing",
    ),
    mutant(
        "an order that isn't written yet isn't there",
        "who is told that it was bought finds no order",
        "order_app/views.py",
        "            finished = order_finish(order_id)\n",
        "            finished = None\n",
        f"{UNWRITTEN}::test_who_is_told_that_it_is_bought_can_read_the_order",
    ),
    mutant(
        "an order of which nobody can tell isn't there",
        "who asks while the catalog is down believes that nothing was bought, and buys again",
        "order_app/purchase.py",
        "    sale = clients.sale_of(order_id)\n",
        "    try:\n        sale = clients.sale_of(order_id)\n    except Unavailable:\n        return None\n",
        f"{UNWRITTEN}::test_what_nobody_can_say_is_not_called_not_found",
    ),
    mutant(
        "a purchase without an answer is offered at the address of its form",
        "a browser asks whoever loads the page again whether the form is to be sent once more",
        "frontend_app/shop/buying.py",
        "        return _see_other(unanswered.address(key, lines, code, wait_s))\n",
        "        pass\n",
        "frontend_app/shop/tests/test_buying_once.py"
        "::test_a_purchase_without_an_answer_is_at_an_address_that_a_reload_asks_for_without_sending_it_again",
    ),
    mutant(
        "a purchase without an answer is offered for ever",
        "who has bought reads that nothing was bought",
        "frontend_app/shop/buying.py",
        '        return _bought(request, asked["key"], order)\n',
        "        pass\n",
        "frontend_app/shop/tests/test_buying_once.py"
        "::test_a_reload_shows_the_order_that_was_made_though_its_answer_was_lost",
    ),
)
