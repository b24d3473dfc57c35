"""`manage.py replication scrub`, as often as it is asked for: starting Django takes much longer than scrubbing."""

import io
import subprocess
import sys
from pathlib import Path

from tests.store import ROOT, Store

WELL = "well"


class Scrubber:
    """The process that scrubs, as others see it."""

    def __init__(self, store: Store, log: Path) -> None:
        with log.open("wb") as told:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.scrubber"],
                cwd=ROOT,
                env=store.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=told,
                text=True,
            )

    def scrub(self, service: str) -> bool:
        """Returns when both files have been read, and one that is damaged is taken out; whether all was well."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(service, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        assert answer, "the scrubber has given up"
        return answer.strip() == WELL

    def end(self) -> None:
        self._process.communicate(timeout=20)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


def main() -> None:
    import django
    from django.core.management import CommandError, call_command
    from django.db import connections

    django.setup()
    for line in sys.stdin:
        answer = WELL
        try:
            call_command("replication", "scrub", service=line.strip(), stdout=io.StringIO())
        except CommandError:  # It found damage, or there is nobody to scrub: the store has to cope.
            answer = "not well"
        connections.close_all()
        print(answer, flush=True)


if __name__ == "__main__":
    main()
