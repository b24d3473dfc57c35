"""What is drawn is what was told: lines of logs, marks, points over time. The page has each drawing that is made."""

import re
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.docs.pages import DOCS
from tests.drawings.requests import CUSTOMER, Traced, messages_of, steps_of
from tests.drawings.svg import Figure, Message, Series, round_scale, sequence

TRACE = """\
2026-11-30 09:54:25.289  front      POST /internal/push/ 200 front 0.3 ms (drops book:2 up to 2) (3 more like it)  [a]
2026-11-30 09:54:25.297  catalog-1  POST /internal/sales/ 201 catalog-1 12.0 ms (1 × book 2 for order ce91)  [a]
2026-11-30 09:54:25.306  front      POST /internal/push/ 200 front 0.2 ms (sets book:2 as of 2)  [a]
2026-11-30 09:54:25.322  order-1    POST /api/v1/orders/ 201 order-1 38.0 ms (order ce91)  [a]
2026-11-30 09:54:25.328  front      POST /purchase/2 201 order-1 45.8 ms  [a]
another line
"""


def traced() -> Traced:
    steps = steps_of(TRACE)
    sale = next(step for step in steps if step.node == "catalog-1")
    marks = [
        (sale.ended - 0.009, "catalog-1", "begun"),
        (sale.ended + 0.0008, "catalog-1", "floor"),
        (sale.ended + 0.010, "order-1", "leases-read"),
        (sale.ended + 0.011, "order-1", "set"),
    ]
    answer: Any = SimpleNamespace(cache="bypass")
    return Traced(steps[-1].began, steps[-1].ended, answer, steps, marks)


def test_steps_are_read_from_a_trace() -> None:
    first, sale, *_, whole = steps_of(TRACE)
    assert (first.node, first.remark, first.status) == ("front", "drops book:2 up to 2", 200)
    assert (sale.what, whole.what, whole.remark) == ("POST /internal/sales/", "POST /purchase/2", "")
    assert sale.ended - sale.began == pytest.approx(0.012, abs=1e-6)


def test_a_request_goes_from_node_to_node_and_back_and_its_write_becomes_visible_before_the_answer() -> None:
    told = sorted(messages_of(traced()), key=lambda message: message.at_ms)
    assert [(each.source, each.to) for each in told] == [
        (CUSTOMER, "front"),
        ("front", "order-1"),
        ("order-1", "catalog-1"),
        ("catalog-1", None),
        ("catalog-1", "front"),
        ("catalog-1", None),
        ("catalog-1", "order-1"),
        ("catalog-1", "front"),
        ("order-1", "front"),
        ("front", CUSTOMER),
    ]
    assert told[0].at_ms == 0
    assert [each.text for each in told if each.is_emphasized] == ["raises the floor: visible"]
    assert told[4].text == "push: drops book:2 up to 2"


def texts(drawing: str) -> list[str]:
    return [found.text or "" for found in ElementTree.fromstring(drawing).iter("{http://www.w3.org/2000/svg}text")]


def test_a_sequence_has_its_lanes_and_texts_in_order_of_time_and_within_its_width() -> None:
    long = "a long text <&> " * 4
    messages = [Message(2.5, "b", None, long), Message(0, "a", "b", "first"), Message(9, "b", "a", "last")]
    drawing = sequence("A title", ["a", "b"], messages)
    assert texts(drawing) == ["A title", "a", "b", "0.0 ms", "first", "2.5 ms", long, "9.0 ms", "last"]
    root = ElementTree.fromstring(drawing)
    at = next(found for found in root.iter("{http://www.w3.org/2000/svg}text") if found.text == long)
    assert float(at.attrib["x"]) + 6 * len(long) < float(root.attrib["width"])


def test_a_figure_numbers_its_events_and_interrupts_a_line_where_nothing_was_seen() -> None:
    points = [(0.0, 10.0), (0.1, 11.0), (5.0, 19.0), (5.1, 20.0)]
    drawing = Figure("F", "u", [Series("log", points, is_step=True)], [(1.5, "it went"), (4, "it came")]).drawn()
    told = texts(drawing)
    assert {"F", "u", "log", "it went", "it came", "1.50 s", "4.00 s", "10", "20"} <= set(told)
    path = next(line for line in drawing.splitlines() if "stroke-width" in line and "H" in line)
    assert path.count("M") == 2


@pytest.mark.parametrize(("low", "high"), [(17, 201.9), (96, 170), (3, 3), (0, 0.4), (1000, 1003)])
def test_scales_go_around_all_values_and_leave_less_than_half_empty(low: float, high: float) -> None:
    first, last = round_scale(low, high)
    assert first <= low <= high <= last
    assert last > first
    assert high - low < 1 or last - first <= 2 * max(high - low, high - first)


def test_the_page_shows_each_drawing() -> None:
    shown = set(re.findall(r"\(images/(how-[\w-]+\.svg)\)", (DOCS / "how-it-works.md").read_text()))
    assert shown == {file.name for file in (DOCS / "images").glob("how-*.svg")} != set()
