"""`manage.py replication`, as often as it is asked for: starting Django takes longer than most of what it does."""

import io
import json
import subprocess
import sys
from pathlib import Path

from tests.store import ROOT, Store
from tests.waiting import PATIENCE_S


class Scrubber:
    """The process that scrubs, and does whatever else an operator asks for, as others see it. For one thread."""

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
        is_well, _ = self._ask("scrub", "--service", service)
        return is_well

    def manage(self, *arguments: str) -> str:
        """What the command says, its refusal included."""
        _, told = self._ask(*arguments)
        return told

    def _ask(self, *arguments: str) -> tuple[bool, str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(arguments), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        assert answer, "the scrubber has given up"
        is_well, told = json.loads(answer)
        return is_well, told

    def end(self) -> None:
        self._process.communicate(timeout=PATIENCE_S)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


def main() -> None:
    import django
    from django.core.management import CommandError, call_command
    from django.db import connections

    django.setup()
    for line in sys.stdin:
        output, is_well = io.StringIO(), True
        try:
            call_command("replication", *json.loads(line), stdout=output)
        except CommandError as error:  # It found damage, or there is nobody to scrub: the store has to cope.
            is_well = False
            print(error, file=output)
        connections.close_all()
        print(json.dumps([is_well, output.getvalue()]), flush=True)


if __name__ == "__main__":
    main()
