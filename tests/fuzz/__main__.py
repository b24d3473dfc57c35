"""`python -m tests.fuzz`: Schemathesis against a store of its own; the exit status says whether all is well."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests import databases
from tests.fuzz.run import ANONYMOUS, STAFF, Extent, fuzz
from tests.store import Store

NODES = ("front", "catalog-1", "order-1")


def main() -> int:
    options = parser().parse_args()
    runs = [(node, who) for node in options.nodes for who in (ANONYMOUS, STAFF)]
    extent = Extent(options.examples, max(1, round(options.seconds / len(runs))), options.seed)
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:6.1f}] {line}", flush=True)

    say(
        f"{len(runs)} runs of {extent.seconds} s each, and until what they have begun is done, seed {extent.seed}, "
        "after a store has started"
    )
    failed = []
    with tempfile.TemporaryDirectory(prefix="bookstore-fuzz-") as folder, Store(Path(folder) / "var") as store:
        for node, who in runs:
            say(f"{node}, {who} ...")
            result = fuzz(store, node, who, extent, on_line=print if options.verbose else None)
            if result.returncode:
                failed.append(f"{node}, {who}")
                print(result.stdout)
        say("looking at the files ...")
        failed += [
            f"the copies of {service} differ" for service in databases.SERVICES if not _is_alike(store, service)
        ]
        audit = store.manage("audit")
        if audit.returncode:
            failed.append(f"the audit: {audit.stdout}{audit.stderr}")
    print("\n".join(f"FAILED: {failure}" for failure in failed) or "All is as it has to be.", flush=True)
    return 1 if failed else 0


def _is_alike(store: Store, service: str) -> bool:
    try:
        databases.dump_both(store, service)
    except AssertionError:
        return False
    return True


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m tests.fuzz",
        description="Starts a store and sends it what its own schema allows and forbids, as anonymous and as staff; "
        "checks the answers by the schema, and the store afterwards.",
    )
    made.add_argument("--seconds", type=int, default=120, help="of all runs together (120)")
    made.add_argument("--examples", type=int, default=50, help="requests of each kind and operation, at first (50)")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--nodes", nargs="+", choices=NODES, default=list(NODES))
    made.add_argument("--verbose", action="store_true", help="show what Schemathesis says meanwhile")
    return made


if __name__ == "__main__":
    sys.exit(main())
