"""The yardstick of a replicated sale: a plain loop that commits the same rows to two SQLite files in sequence.

The same tables and indexes (book, ledger, log), WAL, synchronous=FULL; no triggers, no digests, no lock, no witness,
no ORM, and nothing that would notice a file that is gone.
"""

import sqlite3
import time
import uuid
from pathlib import Path

from bookstore_project.settings import topology

TABLES = ("catalog_app_book", "catalog_app_ledgerentry", "replication_logentry")
BOOK = 1


class TwoFiles:
    """Two files in a folder of their own, with the books, and one log entry as pattern, of a catalog replica."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._files = [_made(folder / f"plain-{number}.sqlite3") for number in (1, 2)]
        with sqlite3.connect(topology.database_file("catalog-1")) as replica:
            self._entry = replica.execute(
                "SELECT payload, keys, hash FROM replication_logentry ORDER BY position DESC LIMIT 1"
            ).fetchone()
        self._position = 0

    def sell(self) -> None:
        order, self._position = uuid.uuid4().hex, self._position + 1
        sold_at = time.strftime("%Y-%m-%d %H:%M:%S")
        for file in self._files:
            file.execute("BEGIN IMMEDIATE")
            title, title_key, price, quantity, version = file.execute(
                "SELECT title, title_key, price, quantity, version FROM catalog_app_book WHERE id = ?", (BOOK,)
            ).fetchone()
            file.execute(
                "UPDATE catalog_app_book SET quantity = ?, version = ? WHERE id = ?",
                (quantity - 1, version + 1, BOOK),
            )
            file.execute(
                'INSERT INTO catalog_app_ledgerentry (book_id, kind, change, balance, "order", quantity, title, '
                "title_key, unit_price, actor, created_at, cancellation) "
                "VALUES (?, 'sale', -1, ?, ?, 1, ?, ?, ?, '', ?, '')",
                (BOOK, quantity - 1, order, title, title_key, price, sold_at),
            )
            file.execute(
                "INSERT INTO replication_logentry (position, epoch, payload, keys, hash) VALUES (?, 1, ?, ?, ?)",
                (self._position, *self._entry),
            )
            file.execute("COMMIT")


def _made(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, isolation_level=None)
    file.execute("PRAGMA journal_mode=WAL")
    file.execute("PRAGMA synchronous=FULL")
    with sqlite3.connect(topology.database_file("catalog-1")) as replica:
        marks = ", ".join("?" * len(TABLES))
        for (statement,) in replica.execute(
            f"SELECT sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL "
            f"AND tbl_name IN ({marks})",
            TABLES,
        ):
            file.execute(statement)
        books = replica.execute("SELECT * FROM catalog_app_book").fetchall()
    file.executemany(f"INSERT INTO catalog_app_book VALUES ({', '.join('?' * len(books[0]))})", books)
    return file
