"""What the documentation says of the kept report is what that report says."""

import re
from html import unescape

from tests.docs.pages import DOCS

PAGE = DOCS / "performance.md"
KEPT = DOCS / "report" / "index.html"
HITS = "query, with cache, open loop"
LEAST = "nothing but wait, send, receive"
"""How the row ends that isn't of the load generator."""


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
    of_loads = {load: row for load, row in costs().items() if not load.endswith(LEAST)}
    _, _, of_store_ms, of_a_core, of_store = of_loads.pop(HITS)
    others = [per_cent(row[-1]) for row in of_loads.values()]
    sentence = (
        f"in the kept run {min(others):g} to {max(others):g} % of that, except for hits: a hundred of them a second "
        f"take {per_cent(of_a_core):.1f} % of a core in the generator, which is **{per_cent(of_store):.0f} %** of "
        f"the {of_store_ms} ms that the store takes for each."
    )
    assert sentence in " ".join(PAGE.read_text().split())
