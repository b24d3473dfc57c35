"""Leases and invalidations: a front that may use its cache has heard of every visible write."""

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from bookstore_project.api import internal_paths
from bookstore_project.replication import failpoints
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import OutcomeUnknown
from bookstore_project.replication.invalidation import leases, polls, pushes, set_pushes
from bookstore_project.replication.invalidation.leases import Lease, Leases, read_lease, read_leases, record_lease
from bookstore_project.replication.invalidation.messages import PushMessage
from bookstore_project.replication.log.entries import Entry
from bookstore_project.replication.tests.support.books import raise_price
from bookstore_project.replication.tests.support.fake_fronts import HOLDER, LEASE, NOW, POLL, Pushes
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, floor
from bookstore_project.replication.transaction import run
from catalog_app.models import Book
from catalog_app.serializers import book_bytes
from tests.clock import Clock
from tests.waiting import wait_for

ENTRY = Entry(7, 1, "[]", '["book:1"]', "hash of 7")


# ------------------------------------------------------------------------------------------------- leases


def test_a_lease_is_valid_until_it_expires(clock: Clock) -> None:
    record_lease(LEASE)
    assert read_leases().valid == {HOLDER: LEASE}
    clock.now = LEASE.expires - 0.001
    assert read_leases().valid == {HOLDER: LEASE}
    clock.now = LEASE.expires
    assert read_leases().valid == {}
    assert read_lease(*HOLDER) == LEASE


def test_a_lease_of_an_earlier_boot_is_void(clock: Clock) -> None:
    """The monotonic clock starts anew: a lease that ends in an hour was not given in this life."""
    record_lease(replace(LEASE, expires=NOW + 3600))
    assert read_leases().valid == {}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "null",
        '{"front": 1, "confirmed": null}',
        json.dumps(asdict(LEASE)),
        '{"leases": 7}',
        json.dumps({"leases": [asdict(LEASE) | {"expires": "soon"}]}),
        json.dumps({"leases": [asdict(LEASE) | {"expires": None}]}),
        json.dumps({"leases": [asdict(LEASE) | {"expires": float("nan")}]}),
        json.dumps({"leases": [asdict(LEASE) | {"lease_s": []}]}),
        json.dumps({"leases": [asdict(LEASE) | {"confirmed": 7}]}),
    ],
)
def test_of_what_is_no_lease_nothing_is_known(clock: Clock, content: str) -> None:
    """Writers wait as for a record that is gone, and the next poll writes it anew."""
    record_lease(LEASE)
    (leases.lease_dir() / "front.json").write_text(content)
    assert read_leases() == Leases({}, frozenset({"front"}))
    polls.answer("catalog", "catalog-1", POLL)
    assert HOLDER in read_leases().valid


# ------------------------------------------------------------------------- two processes under one name

OTHER = replace(LEASE, instance="another process", address="127.0.0.1:2")


def test_a_lease_belongs_to_one_process_whatever_others_of_its_name_do(clock: Clock) -> None:
    polls.answer("catalog", "catalog-1", POLL)
    clock.now += 1
    polls.answer("catalog", "catalog-2", replace(POLL, instance=OTHER.instance, address=OTHER.address))
    found = read_leases().valid
    assert {holder: lease.address for holder, lease in found.items()} == {
        HOLDER: POLL.address,
        OTHER.holder: OTHER.address,
    }
    assert found[HOLDER].expires < found[OTHER.holder].expires
    clock.now += 1
    assert list(read_leases().valid) == [OTHER.holder], "one's polls don't renew the other's"


def test_each_process_of_one_name_is_told(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def push(lease: Lease, message: object) -> bool:
        told.append(lease.address)
        return True

    monkeypatch.setattr(pushes, "push", push)
    record_lease(LEASE)
    record_lease(OTHER)
    pushes.invalidate("t", [ENTRY])
    assert sorted(told) == [LEASE.address, OTHER.address]
    assert clock.now == NOW


@pytest.mark.parametrize("unreachable", [LEASE, OTHER])
def test_the_one_that_is_unreachable_is_waited_for_though_the_other_took_it(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, unreachable: Lease
) -> None:
    monkeypatch.setattr(pushes, "push", lambda lease, message, timeout_s=0: lease.holder != unreachable.holder)
    record_lease(replace(LEASE, confirmed=None))
    record_lease(OTHER)
    pushes.invalidate("t", [ENTRY])
    assert clock.now >= unreachable.expires
    assert [leases.is_blocked(lease.holder) for lease in (LEASE, OTHER)] == [
        LEASE is unreachable,
        OTHER is unreachable,
    ]


def test_what_ones_poll_confirms_the_other_may_not_have_heard_of(clock: Clock, sent_pushes: Pushes) -> None:
    sent_pushes.unreachable.add("front")
    record_lease(replace(LEASE, confirmed=(7, "hash of 7")))
    record_lease(OTHER)
    pushes.invalidate("t", [ENTRY])
    assert clock.now >= OTHER.expires


def test_processes_that_are_gone_leave_nothing_behind(clock: Clock, sent_pushes: Pushes) -> None:
    for number in range(5):
        record_lease(replace(LEASE, instance=f"process {number}", expires=clock.now + 1))
        leases.block(("front", f"process {number}"))
        clock.now += 2
    record_lease(replace(LEASE, expires=clock.now + 1))
    assert [lease.instance for lease in leases.read_record("front") or ()] == ["process"]
    assert list(leases.lease_dir().glob("*.unreachable")) == []


# ------------------------------------------------------------------------------------------- invalidations


def test_a_push_that_breaks_after_the_commits_leaves_the_outcome_unknown(
    clock: Clock, seven_books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a process that is shutting down: the entry is there, and "failed" would be a lie."""

    def push(*arguments: object) -> bool:
        raise RuntimeError("cannot schedule new futures after shutdown")

    monkeypatch.setattr(pushes, "push", push)
    record_lease(LEASE)
    with pytest.raises(OutcomeUnknown):
        raise_price()
    monkeypatch.undo()
    assert raise_price() == floor("catalog")
    assert_copies_equal("catalog")


def test_without_leases_nobody_is_told(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(replace(LEASE, expires=NOW))
    pushes.invalidate("t", [ENTRY])
    assert (sent_pushes.taken, clock.now) == ({}, NOW)


def test_every_front_with_a_lease_is_told_once(clock: Clock, sent_pushes: Pushes) -> None:
    for name in ("front", "front-2", "front-3"):
        leases.record_no_lease(name)
        record_lease(replace(LEASE, front=name))
    pushes.invalidate("t", [ENTRY])
    message = {"timeline": "t", "invalidate": [(7, ["book:1"])], "set": []}
    assert sent_pushes.taken == {name: [message] for name in ("front", "front-2", "front-3")}
    assert clock.now == NOW


def test_what_a_front_took_before_the_commits_is_not_told_again(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(LEASE)
    pushes.invalidate("t", [ENTRY], pushes.announce("t", ENTRY))
    assert sent_pushes.taken == {"front": [{"timeline": "t", "invalidate": [(7, ["book:1"])], "set": []}]}


def test_a_front_that_began_anew_meanwhile_is_told_again(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(LEASE)
    announced = pushes.announce("t", ENTRY)
    assert all(answer.result() for answer in announced.values())
    record_lease(replace(LEASE, instance="its successor"))
    pushes.invalidate("t", [ENTRY], announced)
    assert len(sent_pushes.taken["front"]) == 2


def test_a_late_poll_of_a_former_process_does_not_pass_for_its_successor(clock: Clock, sent_pushes: Pushes) -> None:
    """A stopped replica may answer it long after the process that took the announcement is gone."""
    polls.answer("catalog", "catalog-1", POLL)
    announced = pushes.announce("t", ENTRY)
    assert all(answer.result() for answer in announced.values())
    clock.now += 0.1
    polls.answer("catalog", "catalog-2", replace(POLL, instance="its successor"))
    clock.now += 0.1
    polls.answer("catalog", "catalog-1", POLL)
    pushes.invalidate("t", [ENTRY], announced)
    assert len(sent_pushes.taken["front"]) == 2


def test_polls_of_one_process_do_not_undo_what_it_took(clock: Clock, sent_pushes: Pushes) -> None:
    polls.answer("catalog", "catalog-1", POLL)
    announced = pushes.announce("t", ENTRY)
    assert all(answer.result() for answer in announced.values())
    clock.now += 0.1
    polls.answer("catalog", "catalog-2", POLL)
    pushes.invalidate("t", [ENTRY], announced)
    assert len(sent_pushes.taken["front"]) == 1


def test_a_front_that_got_its_lease_meanwhile_is_told(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(LEASE)
    announced = pushes.announce("t", ENTRY)
    record_lease(replace(LEASE, front="front-2"))
    pushes.invalidate("t", [ENTRY], announced)
    assert {front: len(messages) for front, messages in sent_pushes.taken.items()} == {"front": 1, "front-2": 1}


def test_an_announcement_that_did_not_arrive_is_made_good(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(LEASE)
    sent_pushes.unreachable.add("front")
    announced = pushes.announce("t", ENTRY)
    assert not any(answer.result() for answer in announced.values())
    sent_pushes.unreachable.clear()
    pushes.invalidate("t", [ENTRY], announced)
    assert len(sent_pushes.taken["front"]) == 1


def test_an_entry_without_cache_keys_is_nobodys_business(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(LEASE)
    pushes.invalidate("t", [replace(ENTRY, keys="[]")])
    assert pushes.announce("t", replace(ENTRY, keys="[]")) == {}
    assert sent_pushes.taken == {}


def test_an_unreachable_front_delays_a_write_until_its_lease_runs_out(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(LEASE)
    record_lease(replace(LEASE, front="front-2"))
    sent_pushes.unreachable.add("front")
    pushes.invalidate("t", [ENTRY])
    assert LEASE.expires <= clock.now < LEASE.expires + 0.1
    assert leases.is_blocked(HOLDER)
    assert not leases.is_blocked(("front-2", "process"))
    assert list(sent_pushes.taken) == ["front-2"]


def test_a_lease_renewed_while_a_write_waits_is_waited_for_too(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(LEASE)
    sent_pushes.unreachable.add("front")
    longer = replace(LEASE, expires=NOW + 2)
    clock.while_asleep = lambda: record_lease(longer) if clock.now < NOW + 1 else None
    pushes.invalidate("t", [ENTRY])
    assert clock.now >= longer.expires


@pytest.mark.parametrize(
    ("confirmed", "is_enough"),
    [((7, "hash of 7"), True), ((7, "hash of another 7"), False), ((6, "hash of 7"), False), (None, False)],
)
def test_a_poll_that_confirms_this_entry_ends_the_wait(
    clock: Clock, sent_pushes: Pushes, confirmed: tuple[int, str] | None, is_enough: bool
) -> None:
    record_lease(LEASE)
    sent_pushes.unreachable.add("front")
    clock.while_asleep = lambda: record_lease(replace(LEASE, confirmed=confirmed))
    pushes.invalidate("t", [ENTRY])
    assert (clock.now < LEASE.expires) is is_enough


@pytest.mark.parametrize("is_folder_gone", [True, False])
def test_a_lease_whose_record_is_gone_is_waited_for(clock: Clock, sent_pushes: Pushes, is_folder_gone: bool) -> None:
    """Whoever removes the files must not make a front's cache stale: it has its lease all the same."""
    record_lease(LEASE)
    if is_folder_gone:
        shutil.rmtree(leases.lease_dir())
    else:
        (leases.lease_dir() / "front.json").unlink()
    pushes.invalidate("t", [ENTRY])
    assert clock.now >= NOW + replication_settings.lease_s
    waited = clock.now
    pushes.invalidate("t", [ENTRY])
    assert clock.now == waited, "once is enough"


def test_a_front_that_polls_again_is_told_and_its_lost_record_waited_for(clock: Clock, sent_pushes: Pushes) -> None:
    """Another process of its name may have been on it, too."""
    shutil.rmtree(leases.lease_dir(), ignore_errors=True)
    clock.while_asleep = lambda: polls.answer("catalog", "catalog-1", POLL) if clock.now < NOW + 0.1 else None
    pushes.invalidate("t", [ENTRY])
    assert NOW + replication_settings.lease_s <= clock.now < NOW + 2 * replication_settings.lease_s
    assert sent_pushes.taken["front"][0]["invalidate"] == [(7, ["book:1"])]


def test_a_record_that_vanishes_while_a_writer_waits_counts_as_it_was(clock: Clock, sent_pushes: Pushes) -> None:
    record_lease(LEASE)
    sent_pushes.unreachable.add("front")
    clock.while_asleep = lambda: (leases.lease_dir() / "front.json").unlink(missing_ok=True)
    pushes.invalidate("t", [ENTRY])
    assert clock.now >= LEASE.expires


def test_a_write_becomes_visible_only_after_the_fronts_have_answered(
    seven_books: Path, sent_pushes: Pushes, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = floor("catalog")
    seen: list[int] = []

    def look(lease: Lease, message: dict[str, Any]) -> bool:
        if not message["invalidate"]:  # Offers come when they come, perhaps of books that the fixture put there.
            return True
        seen.append(floor("catalog"))
        return len(seen) > 1  # What is announced during the commits doesn't arrive; what is sent after them does.

    monkeypatch.setattr(pushes, "read_leases", lambda: Leases({} if len(seen) > 1 else {HOLDER: LEASE}, frozenset()))
    monkeypatch.setattr(pushes, "push", look)
    assert raise_price() == before + 1
    assert seen == [before, before]


def test_leases_are_read_after_the_commits(seven_books: Path, sent_pushes: Pushes) -> None:
    """A front that got its lease while the files were committed may have cached the old value."""

    def poll() -> None:
        polls.answer("catalog", "catalog-2", POLL)

    failpoints.hooks["committed"] = poll
    position = raise_price()
    wait_for(lambda: len(sent_pushes.taken.get("front", [])) >= 1)
    assert sent_pushes.taken["front"][0]["invalidate"] == [(position, ["book:1"])]


# ------------------------------------------------------------------------------------------ over real sockets


class Front(ThreadingHTTPServer):
    """Takes pushes as a front does, and keeps them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.messages: list[dict[str, Any]] = []
        self.tokens: set[str | None] = set()
        self.instances: set[str | None] = set()
        self.status = 200

    @property
    def lease(self) -> Lease:
        return replace(LEASE, address=f"127.0.0.1:{self.server_port}")


class _Handler(BaseHTTPRequestHandler):
    server: Front

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == internal_paths.PUSH:
            self.server.tokens.add(self.headers["X-Service-Token"])
            self.server.instances.add(self.headers["X-Front-Instance"])
            self.server.messages.append(json.loads(body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def front() -> Iterator[Front]:
    with Front() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_push_carries_the_service_token(front: Front) -> None:
    assert pushes.push(front.lease, {"timeline": "é", "invalidate": [], "set": []})
    assert front.instances == {"process"}, "and says which process it is meant for"
    assert front.messages == [{"timeline": "é", "invalidate": [], "set": []}]
    assert front.tokens == {settings.SERVICE_TOKEN}


def test_a_push_that_is_refused_or_meets_nobody_has_not_arrived(front: Front) -> None:
    front.status = 503
    message: PushMessage = {"timeline": "t", "invalidate": [], "set": []}
    assert not pushes.push(front.lease, message)
    assert not pushes.push(replace(LEASE, address=f"127.0.0.9:{front.server_port}"), message)


def test_a_front_is_offered_the_bytes_that_a_reader_would_get(seven_books: Path, front: Front) -> None:
    polls.answer("catalog", "catalog-1", replace(POLL, address=front.lease.address, lease_s=30))
    position = raise_price()

    def offered() -> list[list[Any]]:
        # Others may come, of the books that the fixture put there.
        return [item for message in front.messages for item in message["set"] if item[0] == position]

    (offer,) = wait_for(offered)
    assert [[position, ["book:1"]]] in [message["invalidate"] for message in front.messages]
    body = run("catalog", lambda: book_bytes(Book.objects.get(pk=1))).value.decode()
    assert offer == [position, "book:1", body]
    assert json.loads(body)["price"] == "31.00"


def test_an_answer_that_cannot_be_made_does_not_end_the_offers(
    empty_store: Path, front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    def make() -> str:
        raise ValueError("no such thing")

    polls.answer("catalog", "catalog-1", replace(POLL, address=front.lease.address, lease_s=30))
    set_pushes.enqueue("book:1", set_pushes.SetPush("t", 1, make))
    wait_for(lambda: "no such thing" in caplog.text)
    set_pushes.enqueue("book:1", set_pushes.SetPush("t", 2, lambda: "{}"))
    wait_for(lambda: [2, "book:1", "{}"] in [item for message in front.messages for item in message["set"]])


def test_an_address_that_is_none_blocks_the_front_and_not_the_writer(clock: Clock) -> None:
    record_lease(replace(LEASE, address="nowhere"))
    pushes.invalidate("t", [ENTRY])
    assert leases.is_blocked(HOLDER)
