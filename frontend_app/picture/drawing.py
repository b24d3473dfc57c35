"""Where each part of the picture stands, on a desk and on a phone. Units are those of the SVG's viewBox."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from bookstore_project.settings import topology
from frontend_app.picture.looks import SLOTS

CLIENT = "client"
Point = tuple[int, int]


@dataclass(frozen=True)
class Box:
    """A rectangle, and what stands for it in steps and looks."""

    name: str
    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self) -> Point:
        return self.x + self.width // 2, self.y + self.height // 2

    @property
    def across(self) -> int:
        return self.middle[0]

    @property
    def half(self) -> int:
        return self.width // 2

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    @property
    def below(self) -> int:
        """The base of a line of text under it."""
        return self.bottom + 16

    @property
    def inside(self) -> int:
        """Where its lines of text begin."""
        return self.x + 12

    @property
    def within(self) -> int:
        """Where they end."""
        return self.right - 12

    @property
    def centre(self) -> int:
        """The base of its only line of text."""
        return self.middle[1] + 5


@dataclass(frozen=True)
class Edge:
    """A way from one part to another, which dots take in both directions."""

    name: str
    points: Sequence[Point]
    kind: str

    @property
    def path(self) -> str:
        return " ".join(f"{x},{y}" for x, y in self.points)


@dataclass(frozen=True)
class Slot:
    """Of the cache's row."""

    number: int
    box: Box


@dataclass(frozen=True)
class Drawing:
    """All of it. `others` are fronts besides the one that draws."""

    name: str
    width: int
    height: int
    client: Box
    front: Box
    lease: Point
    """The middle of the ring."""
    slots: Sequence[Slot]
    nodes: Sequence[Box]
    files: Sequence[Box]
    sets: Sequence[Box]
    """Around the files of a service."""
    edges: Sequence[Edge]
    others: Sequence[Box] = field(default_factory=tuple)
    servers: Sequence[Box] = field(default_factory=tuple)
    """Of a store whose rows a database server keeps, in the place of the files: one for each service."""


LEASE_RADIUS = 17


def drawings(own: str, *, has_files: bool = True) -> list[Drawing]:
    """For a desk and for a phone, by the front of that name."""
    found = [_desk(own), _phone(own)]
    return found if has_files else [_with_servers(drawing) for drawing in found]


def _with_servers(drawing: Drawing) -> Drawing:
    """Both replicas of a service ask the same server: they have no copies, and there is no in-sync set."""
    edges = [edge for edge in drawing.edges if edge.kind not in ("own", "also")]
    for node in drawing.nodes:
        (server,) = [box for box in drawing.sets if box.name == _service(node.name)]
        edges.append(Edge(f"{node.name}>{server.name}", (node.middle, server.middle), "own"))
    return replace(drawing, files=(), sets=(), servers=drawing.sets, edges=edges)


@cache
def _desk(own: str) -> Drawing:
    client, front = Box(CLIENT, 10, 190, 110, 60), Box(own, 200, 140, 344, 160)
    tops = {"catalog-1": 20, "catalog-2": 110, "order-1": 260, "order-2": 350}
    nodes = [Box(name, 660, tops[name], 158, 70) for name in _replicas()]
    files = [Box(node.name, 890, node.y + 11, 96, 48) for node in nodes]
    edges = [Edge("client>front", ((client.x + client.width, 220), (front.x, 220)), "way")]
    for node, file in zip(nodes, files, strict=True):
        y = node.middle[1]
        edges.append(Edge(f"front>{node.name}", ((front.x + front.width, 220), (node.x, y)), "way"))
        for other in files:
            if _service(other.name) == _service(node.name):
                ends = (node.x + node.width, y), (other.x, other.middle[1])
                edges.append(Edge(f"{node.name}>file:{other.name}", ends, "own" if other is file else "also"))
    edges.extend(_sales(nodes, lambda node: node.x, (630, 638)))
    row = [Slot(number, Box("", 212 + 23 * number, 234, 21, 26)) for number in range(SLOTS)]
    others = [
        Box(name, 200, 330 + 44 * number, 344, 34) for number, name in enumerate(_other_fronts(own)) if number < 2
    ]
    return Drawing(*("desk", 1000, 440, client, front, (516, 173), row, nodes, files, _sets(files), edges, others))


@cache
def _phone(own: str) -> Drawing:
    client, front = Box(CLIENT, 115, 6, 110, 40), Box(own, 8, 76, 324, 168)
    places = {"catalog-1": (8, 300), "catalog-2": (182, 300), "order-1": (8, 490), "order-2": (182, 490)}
    nodes = [Box(name, *places[name], 150, 70) for name in _replicas()]
    files = [Box(node.name, node.x + 25, node.bottom + 24, 100, 46) for node in nodes]
    edges = [Edge("client>front", ((170, client.bottom), (170, front.y)), "way")]
    for node, file in zip(nodes, files, strict=True):
        down = (170, front.bottom), (170, 470), (node.across, node.y)
        straight = (170, front.bottom), (node.across, node.y)
        points = straight if _service(node.name) == topology.CATALOG else down
        edges.append(Edge(f"front>{node.name}", points, "way"))
        for other in files:
            if _service(other.name) == _service(node.name):
                ends = (node.across, node.bottom), (other.across, other.y)
                edges.append(Edge(f"{node.name}>file:{other.name}", ends, "own" if other is file else "also"))
    edges.extend(_sales(nodes, lambda node: node.x if node.x > 100 else node.x + node.width, (164, 176)))
    row = [Slot(number, Box("", 18 + 22 * number, 164, 20, 26)) for number in range(SLOTS)]
    others = [Box(name, 8, 672, 324, 34) for name in _other_fronts(own)[:1]]
    height = 712 if others else 664
    return Drawing(*("phone", 340, height, client, front, (304, 105), row, nodes, files, _sets(files), edges, others))


def _sales(nodes: Sequence[Box], side: Callable[[Box], int], lanes: tuple[int, int]) -> Iterator[Edge]:
    """From order replicas to catalog replicas: each of them asks either."""
    catalogs = [node for node in nodes if _service(node.name) == topology.CATALOG]
    for order in nodes:
        if _service(order.name) == topology.ORDER:
            for number, catalog in enumerate(catalogs):
                x = lanes[number]
                down = order.middle[1]
                points = ((side(order), down), (x, down), (x, catalog.middle[1]), (side(catalog), catalog.middle[1]))
                yield Edge(f"{order.name}>{catalog.name}", points, "sale")


def _sets(files: Sequence[Box]) -> list[Box]:
    found = []
    for service in (topology.CATALOG, topology.ORDER):
        own = [file for file in files if _service(file.name) == service]
        x, y = min(file.x for file in own) - 9, min(file.y for file in own) - 9
        width = max(file.x + file.width for file in own) + 9 - x
        found.append(Box(service, x, y, width, max(file.bottom for file in own) + 9 - y))
    return found


def _replicas() -> list[str]:
    return [node.name for service in (topology.CATALOG, topology.ORDER) for node in topology.replicas(service)]


def _other_fronts(own: str) -> list[str]:
    return [node.name for node in topology.replicas(topology.FRONT) if node.name != own]


def _service(name: str) -> str:
    return topology.NODES[name].service
