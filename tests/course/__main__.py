"""`make check-lab N=3`: says whether the task of a lab is solved, and what it saw.

Exit status 0: solved. 1: not yet. 2: the check itself could not be made.
"""

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence

import pytest

from tests.course.labs import LABS, ROOT, Lab
from tests.course.verdict import Listener, told

COULD_NOT_CHECK = 2


def main() -> int:
    options = parse_options()
    labs = sorted(set(options.labs) or LABS.values(), key=lambda lab: lab.number)
    listener, output = Listener(), io.StringIO()
    os.chdir(ROOT)
    with contextlib.redirect_stdout(output):
        pytest.main(arguments(labs), plugins=[listener])
    if listener.obstacles or not listener.findings:
        print(output.getvalue())
        print("This could not be checked:", *listener.obstacles, sep="\n")
        return COULD_NOT_CHECK
    verdicts = []
    for lab in labs:
        findings = [finding for finding in listener.findings if finding.file == lab.check.name]
        verdicts.append(all(finding.is_met for finding in findings))
        print(told(lab, findings))
    return 0 if all(verdicts) else 1


def arguments(labs: Sequence[Lab]) -> list[str]:
    """In the order of the file, on files of this run alone."""
    files = [str(lab.check.relative_to(ROOT)) for lab in labs]
    return ["-q", "-p", "no:randomly", "-p", "no:cacheprovider", *files]


def lab_of(text: str) -> Lab:
    try:
        return LABS[int(text)]
    except (KeyError, ValueError):
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {len(LABS)}") from None


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.course", description=__doc__)
    parser.add_argument("labs", type=lab_of, nargs="*", metavar="N", help="which ones (default: all)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
