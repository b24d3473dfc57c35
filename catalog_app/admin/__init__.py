"""Stock inspection: books, how many of them both replicas have, and the ledger that explains them.

`books`, `history` and `ledger` are the pages, `replica_comparison` looks at the other replica, `forms` keeps one
person's change from undoing another's, `filters` narrow the lists, `restocking` and `retiring` are actions on the
books that are chosen (`choosing`), `exporting` makes a CSV file of the list, and `uploading` takes one in.
"""

from catalog_app.admin.books import BookAdmin
from catalog_app.admin.history import BookChangeAdmin
from catalog_app.admin.ledger import LedgerEntryAdmin

__all__ = ["BookAdmin", "BookChangeAdmin", "LedgerEntryAdmin"]
