"""What an order replica counts, for /metrics: each process what it wrote itself."""

from prometheus_client import Counter

from bookstore_project.nodes.metrics import registry_of
from bookstore_project.settings import topology
from order_app.models import OrderChange

_registry = registry_of(topology.ORDER)

orders = Counter("bookstore_orders", "Orders written.", registry=_registry)
finished = Counter(
    "bookstore_orders_finished",
    "Orders written by the sweeper, for purchases that were cut short.",
    registry=_registry,
)
order_changes = Counter(
    "bookstore_order_changes", "What staff did with orders; a repeat isn't another.", ["kind"], registry=_registry
)
cancellations_finished = Counter(
    "bookstore_cancellations_finished",
    "Cancellations whose copies the sweeper brought back, because they were cut short.",
    registry=_registry,
)

for kind in OrderChange.Kind.values:
    order_changes.labels(kind)
