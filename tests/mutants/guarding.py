"""Breaks of what keeps strangers from acting as staff, and from keeping staff out."""

from tests.mutants.mutant import Mutant, mutant

ATTEMPTS = "bookstore_project/api/tests/test_login_attempts.py"
LOGINS = "tests/everywhere/test_logins.py"

MUTANTS: tuple[Mutant, ...] = (
    mutant(
        "guesses are let in without being counted",
        "whoever has time finds the staff's password",
        "bookstore_project/api/login_attempts.py",
        "                    table.add(name, 1, limit.every_s)\n",
        "                    table.add(name, 0, limit.every_s)\n",
        f"{ATTEMPTS}::test_one_account_from_one_address",
        f"{ATTEMPTS}::test_many_at_once_do_not_slip_through_together",
    ),
    mutant(
        "an address from which an account has logged in is forgotten",
        "anybody keeps the staff out by failing in its name",
        "bookstore_project/api/login_attempts.py",
        "                    table.put(_familiar(account, address), _FAMILIAR_LEVEL)\n",
        "                    pass\n",
        f"{ATTEMPTS}::test_who_has_logged_in_from_there_before_waits_for_none_of_them",
    ),
    mutant(
        "all stand in one line before the hashing",
        "a right login waits for a crowd of guesses",
        "bookstore_project/api/passwords.py",
        "            with (familiars if is_familiar else strangers).passed():\n",
        "            with strangers.passed():\n",
        f"{LOGINS}::test_guesses_in_plenty_wait_for_one_hash_at_a_time_and_the_familiar_do_not_wait_for_them",
    ),
    mutant(
        "a check of a password that was cut short counts as one",
        "staff with the right password is told that it is wrong, on a busy machine or while the accounts are locked",
        "bookstore_project/api/passwords.py",
        "            if other.is_judged:\n",
        "            if True:\n",
        f"{LOGINS}::test_who_waits_for_a_check_that_is_cut_short_makes_one",
    ),
    mutant(
        "pages of other origins may do anything",
        "a page that staff looks at changes prices",
        "bookstore_project/api/same_origin.py",
        "        if request.method not in SAFE_METHODS and is_foreign(request):\n",
        "        if False:\n",
        "tests/everywhere/test_origins.py::test_a_person_is_refused_with_a_page",
    ),
)
