"""What it means for the orders if another ledger counts, and the other way round: told before an operator decides."""

import sqlite3
from typing import Any

from bookstore_project.archive.audit import audit
from bookstore_project.replication.engine import copies
from bookstore_project.replication.events import history_chosen
from bookstore_project.replication.service import get_service
from bookstore_project.settings import topology


def connect() -> None:
    history_chosen.connect(sentences, dispatch_uid="archive.consequences")


def sentences(sender: str, kept: sqlite3.Connection, **kwargs: Any) -> list[str]:
    """For one service's file, against the newest file of the other service that can be read."""
    other = topology.ORDER if sender == topology.CATALOG else topology.CATALOG
    alias = copies.newest(get_service(other))
    if alias is None:
        return [f"No file of {other} can be read: whether ledger and orders will agree can't be said."]
    try:
        with copies.opened(alias) as connection:
            pair = (kept, connection) if sender == topology.CATALOG else (connection, kept)
            found = audit(*(each.execute for each in pair))
    except sqlite3.Error as error:
        return [f"{alias} can't be compared: {error}"]
    told = []
    if found.orders_without_sale:
        told.append(
            f"{found.orders_without_sale} orders would have no sale in the ledger: what they bought would be on the "
            "shelf again. `manage.py audit` lists them."
        )
    if found.sales_without_order:
        told.append(
            f"{found.sales_without_order} sales have no order in these files: the sweeper writes them by the ledger."
        )
    return told
