"""Mutants that no run of the simulation can show, by their nature: their own tests do (`make mutants`)."""

BY_PROGRAMS = "only programs that write beside the services do that"
BY_LISTS = "customers ask for books, and for no lists of them"
BY_HAND_OUTS = "nobody hands orders out or pays back"
BY_COMMANDS = "it is a command's, or a page's, which nobody calls"
BY_SIZE = "files are small"
BY_HTTP = "it is about how an answer is sent, not about what it says"
BY_SPEED = "it costs time, and breaks no promise"
BY_CONSTRAINTS = "customers send nothing that a constraint refuses"
BY_NAMES = "no two processes of a front run under one name or address"
BY_START = "it is about how a store is prepared"
BY_TOOLS = "nobody opens a file with another program"
BY_FEW_BOOKS = "few books are for sale"

BEYOND: dict[str, str] = {
    "a change may end the protocol's transaction": BY_PROGRAMS,
    "a savepoint of another database goes unnoticed": BY_PROGRAMS,
    "what is to follow a change doesn't wait for it": BY_PROGRAMS,
    "a read may end its snapshot": BY_PROGRAMS,
    "nothing is written about a change that went round the services": BY_PROGRAMS,
    "changes are known by signals alone": BY_PROGRAMS,
    "REPLACE deletes unseen": BY_PROGRAMS,
    "a lent connection asks the thread that had it before whether it is restricted": BY_PROGRAMS,
    "texts aren't looked at before the commit": BY_PROGRAMS,
    "stock may change without its ledger": BY_PROGRAMS,
    "a caller's constraint error is taken for a fault of the file": BY_CONSTRAINTS,
    "a lease belongs to a front's name": BY_NAMES,
    "whoever answers at a front's address answers for it": BY_NAMES,
    "the entry names the new row's cache keys only": BY_LISTS,
    "a topic's key is as it was asked for": BY_LISTS,
    "a file is not looked at again after a read that found nothing": "every book that is asked for is there",
    "a copy read beside another forgets what was written in between": BY_COMMANDS,
    "what is read past Django doesn't say as of when": BY_SPEED,
    "whoever reads a book is answered past Django": BY_HTTP,
    "the event loop sends whole what the client has": BY_HTTP,
    "the event loop sends over https what it has ready for http": BY_HTTP,
    "the event loop doesn't count its hits": "nobody reads what is counted",
    "a late set replaces a newer entry": BY_SPEED,
    "a front that waits for a new answer says that it keeps none": BY_SPEED,
    "a front that pushes don't reach gets its lease all the same": BY_SPEED,
    "any secret key will do": BY_START,
    "a lost secret key is made anew": BY_START,
    "an unknown book isn't recorded": "every book that is asked for is there",
    "another price than the customer saw is taken": "customers name no price",
    "a key serves for another purchase": "no customer uses a key for something else",
    "a key serves for another change of an order": "no customer uses a key for something else",
    "a cancellation gives back other copies than before": "no customer uses a key for something else",
    "what was handed out is cancelled": BY_HAND_OUTS,
    "what was cancelled is handed out": BY_HAND_OUTS,
    "any order is reopened": BY_HAND_OUTS,
    "a reopened order is to be handed out, whatever is left of it": BY_HAND_OUTS,
    "the audit takes a hand-out that was undone for one": BY_COMMANDS,
    "a form of before is told as carried out": BY_COMMANDS,
    "more is refunded than was paid": BY_HAND_OUTS,
    "the shelf may burst": "no shelf is nearly full",
    "one cancellation that waits holds up all": "no shelf is nearly full",
    "an answer of whoever doesn't know the request counts": "all nodes have the same code",
    "the audit doesn't compare returns": BY_COMMANDS,
    "the audit doesn't look at states": BY_COMMANDS,
    "the audit doesn't compare when it was bought": BY_COMMANDS,
    "the audit lets what is on its way fail": BY_COMMANDS,
    "the judge of histories doesn't count what came back": "it is the judge's own",
    "one row that refers to nothing refuses the whole group": BY_CONSTRAINTS,
    "a front calls order replicas as often as it likes": BY_SPEED,
    "no turnstile": BY_SPEED,
    "a number in one file's header speaks for the service": BY_START,
    "a copy is built in the other's folder": "nobody looks into folders",
    "large files are checked while writers wait": BY_SIZE,
    "a large file counts alone by the check of another copy": BY_SIZE,
    "a large file counts alone by a check of long ago": BY_SIZE,
    "a file is put aside in place of a former one": "nobody looks into what was put aside",
    "files with something of their own are tidied away": "nobody looks into what was put aside",
    "a copy that couldn't rejoin at once is made again": BY_SPEED,
    "who was checked is asked again who wrote it last": BY_SPEED,
    "a copy is as open as the umask has it": "nobody else is on the machine",
    "maintenance rests while a log is too long": "logs stay short",
    "a healthy file isn't looked at for a while, whatever happens to it": BY_SPEED,
    "a front that begins believes its cache": "each front has a cache of its own, which begins empty",
    "forgotten floors sink": BY_FEW_BOOKS,
    "a front whose record is lost was given nothing": "nobody tidies up what is noted of leases",
    "a log that doesn't reach back is none": "logs stay short",
    "a change that isn't in the log goes unnoticed": BY_TOOLS,
    "a file that a tool has merged its -wal into counts at once": BY_TOOLS,
    "all copies have one nonce": "no file is put in the other's place",
    "what is read past Django has no deadline": BY_SPEED,
    "a file that was locked for a moment is reported": BY_SPEED,
}
KEPT_TWICE: dict[str, str] = {
    "leases are read once": "the poll that renews a lease tells of the write, too",
    "the witness is read before the snapshot only": "what an evicted replica lacks is acknowledged after the read",
}
"""Nobody is told anything wrong without them: something else keeps the promise."""
