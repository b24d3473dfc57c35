"""What the documentation says of the kept report is what that report says."""

import re
from html import unescape

from benchmarks.report.__main__ import MOST_COST
from tests.docs.pages import DOCS

PAGE = DOCS / "performance.md"
KEPT = DOCS / "report" / "index.html"
HITS = "query, with cache, open loop"


def costs() -> dict[str, list[str]]:
    """The rows of the report's table of what its load generator took, by load."""
    table = re.search(r"<caption>Processor time of the load generator.*?</table>", KEPT.read_text(), re.DOTALL)
    assert table is not None
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", table[0])]
    return {unescape(row[0]): row[1:] for row in rows if row}


def per_cent(cell: str) -> float:
    return float(cell.partition(" %")[0])


def test_the_load_generators_share_is_that_of_the_kept_report() -> None:
    """Whoever keeps another report finds the sentence in this test's failure."""
    of_loads = costs()
    assert max(per_cent(row[-1]) for row in of_loads.values()) < 100 * MOST_COST
    _, _, of_store_ms, of_a_core, of_store = of_loads.pop(HITS)
    others = [per_cent(row[-1]) for row in of_loads.values()]
    sentence = (
        f"in the kept run {min(others):g} to {max(others):g} % of that, and most where it asks for hits: a hundred "
        f"of them a second take {per_cent(of_a_core):.1f} % of a core in the generator, which is "
        f"**{per_cent(of_store):.1f} %** of the {of_store_ms} ms that the store takes for each."
    )
    assert sentence in " ".join(PAGE.read_text().split())
