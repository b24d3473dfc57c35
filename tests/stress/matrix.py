"""Several kinds of stores, one after another: those that promise coherence keep it, and the usual way doesn't."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.run import Begin, not_telling
from tests.stress.report import Result
from tests.stress.run import FULL, PUSH, WRITERS, Plan, Variant, run


@dataclass(frozen=True)
class Verdict:
    """On all runs. `failures` says what isn't as it has to be."""

    results: dict[Variant, Result]
    failures: Sequence[str]


def variants_of(fronts: Sequence[int], backends: Sequence[str]) -> list[Variant]:
    """All combinations, and the first one once more in the usual way."""
    coherent = [Variant(number, backend, FULL) for backend in backends for number in fronts]
    return [*coherent, Variant(fronts[0], backends[0], PUSH)]


def carry_out(
    variants: Sequence[Variant],
    *,
    seconds: float,
    seed: str,
    overlaps: float,
    folder: Path,
    say: Callable[[str], None],
    begin: Begin = not_telling,
    prepared: Path | None = None,
    writers: int = WRITERS,
    is_patient: bool = False,
    is_on_servers: bool = False,
    is_forked: bool = False,
) -> Verdict:
    """Each variant with the same seed and the same share of the time.

    `overlaps` is how many reads have to overlap a write, in all coherent runs: with fewer, they have proved little.
    With `is_patient`, runs take longer where the machine needs that to come to such a number.
    """
    results = {}
    share = overlaps / sum(variant.coherence == FULL for variant in variants) if is_patient else 0.0
    for number, variant in enumerate(variants, start=1):
        say(f"{number} of {len(variants)}: {variant}")
        each_s, place = seconds / len(variants), folder / str(number)
        plan = Plan(variant, each_s, seed, place, say, begin, prepared, writers, share, is_on_servers, is_forked)
        result = results[variant] = run(plan)
        for line in result.lines(shown=1 if variant.coherence == PUSH else 20):
            say(f"  {line}")
    return Verdict(results, list(failures(results, overlaps)))


def failures(results: dict[Variant, Result], wanted: float) -> Iterator[str]:
    """What those results say against the store, or against the runs."""
    coherent = {variant: result for variant, result in results.items() if variant.coherence == FULL}
    for variant, result in results.items():
        if variant in coherent and result.violations:
            yield f"{variant}: {len(result.violations)} violations"
        if variant not in coherent and not result.stale_reads:
            yield f"{variant}: no stale read, where there have to be some: the check doesn't see them"
        for caller, called in sorted(result.silent):
            yield f"{variant}: no {caller} called a {called} through the network: it has another way, or none"
    overlaps = sum(result.overlaps for result in coherent.values())
    if overlaps < wanted:
        yield f"{overlaps} reads overlap a write, fewer than {wanted:.0f}"
