"""The protocol as a small model: two files, two writers, one front with a reader, a crash anywhere.

A `State` is all that there is at one moment. `steps` names what can happen next, each with the state after it.
Nothing else is hidden: `explore` tries all orders of all steps, and says in which state a promise is broken. It is
meant to be read beside docs/how-it-works.md and bookstore_project/replication/DESIGN.md, whose words it uses.

A file is its log: a tuple of the entries that were committed to it, each the number of a write. What a reader is
answered is a position in that log. So a *stale* answer is one with a lower position than somebody was told of before.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

FILES = (0, 1)
Log = tuple[int, ...]


class Left(NamedTuple):
    """What may still happen."""

    writes: int
    crashes: int
    losses: int


class Writer(NamedTuple):
    step: str = "idle"
    entry: int = 0
    """What it writes; 0 while it finishes what another one left."""
    live: tuple[int, ...] = ()
    """The files that it goes on with."""
    done: int = 0
    """So many of them have committed."""


class Answer(NamedTuple):
    position: int
    entry: int


class Front(NamedTuple):
    holds: bool = False
    """Whether it thinks that its lease lasts."""
    cached: Answer | None = None
    floor: int = 0
    """Below it, nothing in the cache counts."""
    poll: int | None = None
    """What a poll that is under way has told it; -1 if nothing yet."""


class Reader(NamedTuple):
    step: str = "idle"
    file: int = 0
    since: int = 0
    """What had been seen by anybody when it asked: its answer may not be older."""
    floor: int = 0
    answer: Answer = Answer(0, 0)
    nonce: int = 0


class State(NamedTuple):
    logs: tuple[Log, Log] = ((), ())
    there: tuple[bool, bool] = (True, True)
    """Whether a file lies where it should."""
    nonces: tuple[int, int] = (0, 0)
    in_sync: tuple[int, ...] = FILES
    floor: int = 0
    lock: int | None = None
    lease: bool = False
    """What is on record of the front's."""
    writers: tuple[Writer, ...] = (Writer(), Writer())
    front: Front = Front()
    reader: Reader = Reader()
    left: Left = Left(0, 0, 0)
    settled: Log = ()
    """The history that everybody may rely on. No process knows it: promises are compared with it."""
    seen: int = 0
    """The highest position that was acknowledged, or answered."""
    wrong: str = ""


Step = tuple[str, State]


def steps(state: State, broken: str = "") -> Iterator[Step]:
    """All that can happen next: a step's name, and the state after it."""
    for number in range(len(state.writers)):
        yield from ((f"writer {number + 1} {name}", after) for name, after in _writer(state, number, broken))
    yield from _front(state, broken)
    yield from _reader(state, broken)
    yield from _maintenance(state, broken)
    yield from _faults(state)


def _writer(state: State, number: int, broken: str) -> Iterator[Step]:
    writer = state.writers[number]

    def go(step: str, now: State = state, **changed: Any) -> State:
        return now._replace(writers=_put(now.writers, number, writer._replace(step=step, **changed)))

    def leave(now: State = state) -> State:
        return now._replace(lock=None, writers=_put(now.writers, number, Writer()))

    head = max((len(state.logs[file]) for file in writer.live), default=0)
    match writer.step:
        case "idle":
            if state.lock is None and (state.left.writes or max(map(len, state.logs)) > state.floor):
                yield "takes the lock", go("locked", state._replace(lock=number))
        case "locked":
            live = tuple(file for file in state.in_sync if state.there[file])
            newest = max((len(state.logs[file]) for file in live), default=-1)
            if newest < state.floor:
                yield "refuses: what is settled isn't here", leave()
            elif newest > state.floor:
                yield "finds an entry in doubt", go("opened", entry=0, live=live, done=0)
            elif state.left.writes:
                left = state.left._replace(writes=state.left.writes - 1)
                yield "begins", go("opened", state._replace(left=left), entry=state.left.writes, live=live, done=0)
            else:
                yield "has nothing to do", leave()
        case "opened":
            is_early = broken != "out of sync after the commit"
            yield "evicts whoever isn't here", go("ready", state._replace(in_sync=writer.live) if is_early else state)
        case "ready":
            yield from _commit(state, writer, go, leave, broken)
        case "committed" if broken == "nobody is told":
            yield "tells nobody", go("told")
        case "committed" if broken == "the floor rises before caches are told":
            yield "raises the floor early", go("raised early", _raised(state, writer, head))
        case "committed":
            yield f"finds {'a' if state.lease else 'no'} lease", go("pushing" if state.lease else "told")
        case "pushing" | "raised early":
            front = state.front._replace(floor=max(state.front.floor, head))
            further = "told" if writer.step == "pushing" else "raised"
            yield "tells the front", go(further, state._replace(front=front))
            if not state.lease:
                yield "has waited for the lease", go(further)
        case "told" if broken == "acknowledged before the floor" and state.seen < head and writer.entry:
            yield "acknowledges early", state._replace(seen=head)
        case "told":
            now = _raised(state._replace(in_sync=writer.live), writer, head)
            yield "raises the floor", go("raised", now, live=(), done=0)
        case "raised" if writer.entry:
            yield "acknowledges", leave(state._replace(seen=max(state.seen, state.floor)))
        case "raised":
            yield "has settled, and begins again", go("locked")


def _commit(state: State, writer: Writer, go: Any, leave: Any, broken: str) -> Iterator[Step]:
    """On the next of its files; one that isn't there any more is out before anybody is told of the write."""
    file = writer.live[writer.done]
    live = tuple(other for other in writer.live if other != file)
    if not state.there[file]:
        now = state if broken == "out of sync after the commit" else state._replace(in_sync=live)
        if not live:
            yield "doesn't know the outcome", leave()
        else:
            step = "committed" if writer.done == len(live) else "ready"
            yield f"can't commit on file {file + 1}", go(step, now, live=live)
        return
    by_length = sorted((state.logs[each] for each in writer.live), key=len)
    is_prefix = by_length[-1][: len(by_length[0])] == by_length[0]
    longer = by_length[0 if broken == "the shorter log counts" else -1]
    log = (*state.logs[file], writer.entry) if writer.entry else longer
    now = state._replace(logs=_put(state.logs, file, log), wrong="" if is_prefix else "files in sync differ")
    step = "committed" if writer.done + 1 == len(writer.live) else "ready"
    name = "commits on" if writer.entry else "rolls forward"
    yield f"{name} file {file + 1}", go(step, now, done=writer.done + 1)


def _raised(state: State, writer: Writer, head: int) -> State:
    log = state.logs[writer.live[0]]
    wrong = state.wrong or ("" if log[: len(state.settled)] == state.settled else "what was settled is gone")
    return state._replace(floor=head, settled=log, wrong=wrong)


# the front's cache


def _front(state: State, broken: str) -> Iterator[Step]:
    """Its lease: put on record, then told of what it has missed, and only then used."""
    front = state.front
    reads_first = broken == "a poll is read before its lease is on record"
    asked = [file for file in state.in_sync if state.there[file]]
    if front.poll is None:
        if reads_first:
            for file in asked:
                yield "polls", state._replace(front=front._replace(poll=len(state.logs[file])))
        else:
            yield "polls: a lease is on record", state._replace(lease=True, front=front._replace(poll=-1))
    elif front.poll < 0:
        for file in asked:
            told = front._replace(poll=len(state.logs[file]))
            yield f"is told by file {file + 1} what it has missed", state._replace(front=told)
    else:
        renewed = front._replace(holds=True, floor=max(front.floor, front.poll), poll=None)
        yield "has a lease", state._replace(front=renewed, lease=True if reads_first else state.lease)
    if front.holds:
        yield "the front's lease ends", state._replace(front=front._replace(holds=False))
    if state.lease and (not front.holds or broken == "a lease ends on record alone"):
        # A poll that took so long isn't worth anything.
        yield "the lease on record ends", state._replace(lease=False, front=front._replace(poll=None))


# reading


def _reader(state: State, broken: str) -> Iterator[Step]:
    reader, front = state.reader, state.front

    def go(step: str, now: State = state, **changed: Any) -> State:
        return now._replace(reader=reader._replace(step=step, **changed))

    match reader.step:
        case "idle":
            kept, trusts_all = front.cached, broken == "whatever is in the cache counts"
            if front.holds and kept and (kept.position >= front.floor or trusts_all):
                yield "reader is answered by the cache", _answered(state, state.seen, kept)
            for file in FILES:
                yield f"reader asks file {file + 1}", go("asks", file=file, since=state.seen, floor=state.floor)
        case "asks" if broken == "the in-sync set is read before the snapshot" and reader.nonce >= 0:
            passed = reader.file in state.in_sync and state.there[reader.file]
            yield "reader reads the witness", go("asks", nonce=-1) if passed else state._replace(reader=Reader())
        case "asks":
            log = state.logs[reader.file]
            if not state.there[reader.file] or len(log) < reader.floor:
                yield "reader is refused", state._replace(reader=Reader())
            else:
                answer = Answer(len(log), log[-1] if log else 0)
                nonce = state.nonces[reader.file]
                yield "reader has a snapshot", go("has", answer=answer, nonce=nonce)
        case "has":
            passes = reader.file in state.in_sync and state.nonces[reader.file] == reader.nonce
            passes = passes or broken == "the in-sync set is read before the snapshot"
            if passes and (state.floor >= reader.answer.position or broken == "answers in doubt"):
                answered = _answered(state, reader.since, reader.answer)
                yield "reader is answered", answered._replace(reader=Reader("keeps", answer=reader.answer))
            else:
                yield "reader is refused", state._replace(reader=Reader())
        case "keeps":
            yield "the answer was a replica's own", state._replace(reader=Reader())
            if reader.answer.position >= front.floor or broken == "whatever is in the cache counts":
                cached = front._replace(cached=reader.answer)
                yield "the front keeps the answer", state._replace(front=cached, reader=Reader())


def _answered(state: State, since: int, answer: Answer) -> State:
    wrong = "a stale answer" if answer.position < since else ""
    if answer.position and state.settled[answer.position - 1 : answer.position] != (answer.entry,):
        wrong = "an answer that isn't settled"
    return state._replace(seen=max(state.seen, answer.position), wrong=state.wrong or wrong)


# upkeep, and faults


def _maintenance(state: State, broken: str) -> Iterator[Step]:
    """Brings back what is out of sync: a copy, made beside the writers, and the rest under the lock."""
    for file in set(FILES) - set(state.in_sync):
        for donor in state.in_sync:
            if not state.there[donor] or len(state.logs[donor]) < state.floor:
                continue
            if not state.there[file] or state.logs[file] != state.logs[donor]:
                nonces = _put(state.nonces, file, state.nonces[file] + 1)
                copied = state._replace(logs=_put(state.logs, file, state.logs[donor]), nonces=nonces)
                yield f"file {file + 1} is replaced by a copy", copied._replace(there=_put(state.there, file, True))
            if state.lock is None and state.there[file] and state.nonces[file]:
                logs = _put(state.logs, file, state.logs[donor])
                caught_up = state if broken == "back in sync without the rest" else state._replace(logs=logs)
                yield f"file {file + 1} is in sync again", caught_up._replace(in_sync=FILES)


def _faults(state: State) -> Iterator[Step]:
    left = state.left
    if left.crashes:
        crashed = state._replace(left=left._replace(crashes=left.crashes - 1))
        for number, writer in enumerate(state.writers):
            if writer.step != "idle":
                writers = _put(state.writers, number, Writer())
                yield f"writer {number + 1} is killed", crashed._replace(lock=None, writers=writers)
        yield "the front is killed", crashed._replace(front=Front(), reader=Reader())
    for file in FILES:
        if left.losses and state.there[file]:
            lost = state._replace(left=left._replace(losses=left.losses - 1), there=_put(state.there, file, False))
            yield f"file {file + 1} is gone", lost
        if not state.there[file]:
            yield f"file {file + 1} is back", state._replace(there=_put(state.there, file, True))


def broken_promise(state: State) -> str:
    """What is wrong in this state; empty if nothing is."""
    for file in state.in_sync:
        if state.logs[file][: state.floor] != state.settled:
            return state.wrong or f"file {file + 1} is in sync, and lacks what is settled"
    return state.wrong


def _put(values: tuple[Any, ...], at: int, value: Any) -> tuple[Any, ...]:
    return (*values[:at], value, *values[at + 1 :])
