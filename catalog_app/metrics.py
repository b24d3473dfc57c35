"""What a catalog replica counts, for /metrics: each process what it sold itself."""

from prometheus_client import Counter

from bookstore_project.api import problems
from bookstore_project.nodes.metrics import registry_of
from bookstore_project.settings import topology
from catalog_app.errors import LinesUnavailable, OutOfStock, PriceChanged

_registry = registry_of(topology.CATALOG)

sales = Counter("bookstore_sales", "Sales made; a repeat of one isn't another.", registry=_registry)
copies = Counter("bookstore_copies_sold", "Copies sold.", registry=_registry)
returned = Counter("bookstore_copies_returned", "Copies of cancelled orders, back on the shelf.", registry=_registry)
refused = Counter(
    "bookstore_sales_refused",
    "Sales refused for good; a repeat of one isn't another.",
    ["reason"],
    registry=_registry,
)

for error in (OutOfStock, PriceChanged, LinesUnavailable, problems.NotFound):
    refused.labels(error.code)
