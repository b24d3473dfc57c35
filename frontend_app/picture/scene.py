"""What the cluster page needs to draw the picture, and to say what its parts are."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bookstore_project.replication.engine import copies
from bookstore_project.settings import topology
from frontend_app.dashboard.fault_injection import FILE, Target
from frontend_app.picture.drawing import LEASE_RADIUS, Drawing, drawings
from frontend_app.picture.looks import Look, Looks, looks
from frontend_app.picture.steps import SENTENCES
from frontend_app.runtime import Front

WAYS: Mapping[str, Sequence[str]] = {
    "A hit": ("ask", "find", "answer"),
    "A miss": ("ask", "turn", "read", "keep", "answer"),
    "A purchase": ("ask", "order", "sell", "commit", "invalidate", "floor", "note", "answer"),
    "A replica is gone": ("ask", "turn", "fail", "again", "read", "keep", "answer"),
}
"""What the page explains beside the picture, whatever happens."""
OTHER_CODES = ("write", "refuse", "unknown")
"""Steps that none of WAYS has: changes by staff, and answers that say no."""


class Menu(NamedTuple):
    """What opens when a part is chosen: `name` as in looks, and the controls that staff has there."""

    name: str
    node: str
    service: str
    is_file: bool
    controls: Sequence[Target]


class Scene(NamedTuple):
    """The context of picture.html."""

    drawings: Sequence[Drawing]
    looks: Looks
    menus: Sequence[Menu]
    ways: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    codes: Sequence[tuple[str, str]]
    lease_radius: int = LEASE_RADIUS

    def look(self, name: str) -> Look:
        return self.looks.get(name) or Look("unknown", "")


def scene(front: Front, targets: Sequence[tuple[topology.Node, Sequence[Target]]]) -> Scene:
    """`targets`: what whoever looks may do to each node."""
    menus = []
    for node, allowed in targets:
        if node.service == topology.FRONT and node.name != front.node.name:
            continue
        of_files = [each for each in allowed if each.control.kind == FILE]
        menus.append(
            Menu(node.name, node.name, node.service, False, [each for each in allowed if each not in of_files])
        )
        if node.name in copies.files():
            menus.append(Menu(f"file:{node.name}", node.name, node.service, True, of_files))
    ways = [(title, [(code, SENTENCES[code]) for code in codes]) for title, codes in WAYS.items()]
    others = [(code, SENTENCES[code]) for code in OTHER_CODES]
    drawn = drawings(front.node.name, has_files=bool(copies.files()))
    return Scene(drawn, looks(front), menus, ways, others)
