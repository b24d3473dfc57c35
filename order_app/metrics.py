"""What an order replica counts, for /metrics: each process what it wrote itself."""

from prometheus_client import Counter

from bookstore_project.nodes.metrics import registry_of
from bookstore_project.settings import topology

_registry = registry_of(topology.ORDER)

orders = Counter("bookstore_orders", "Orders written.", registry=_registry)
finished = Counter(
    "bookstore_orders_finished",
    "Orders written by the sweeper, for purchases that were cut short.",
    registry=_registry,
)
