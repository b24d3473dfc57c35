"""A hundred customers at once, each with a request of its own at the front's own door."""

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus

from bookstore_project.wire import client, headers, idempotency, problems
from bookstore_project.wire.balancing.balancer import Call
from frontend_app.runtime import Front

CUSTOMERS = 100
PATIENCE_S = 15.0
SOLD, SOLD_OUT, UNANSWERED, REFUSED = "sold", "told that it is sold out", "left without an answer", "refused"
OUTCOMES = (SOLD, SOLD_OUT, REFUSED, UNANSWERED)


@dataclass(eq=False)
class Rush:
    """One at a time for each front. It goes in through the front's door, as any customer does: bounded there."""

    front: Front
    call: Call = client.call

    def start(self, book_id: int) -> str:
        """Begins in the background. Raises Conflict while one is under way."""
        if not self.front.rush_lock.acquire(blocking=False):
            raise problems.Conflict("The customers of the last rush aren't through yet. Nothing was done.")
        threading.Thread(target=self._run, args=(book_id,), name="rush", daemon=True).start()
        return f"{CUSTOMERS} customers are on their way to buy book {book_id}: the events will tell."

    def _run(self, book_id: int) -> None:
        began = time.monotonic()
        try:
            with ThreadPoolExecutor(CUSTOMERS, thread_name_prefix="customer") as pool:
                outcomes = Counter(pool.map(lambda _: self._buy(book_id), range(CUSTOMERS)))
            told = ", ".join(f"{outcomes[each]} {each}" for each in OUTCOMES if outcomes[each])
            text = f"{CUSTOMERS} purchases of book {book_id} at once: {told}, in {time.monotonic() - began:.1f} s"
            self.front.journal.event(self.front.node.name, text)
        finally:
            self.front.rush_lock.release()

    def _buy(self, book_id: int) -> str:
        try:
            reply = self.call(
                self.front.node,
                "POST",
                "/api/v1/orders/",
                body=json.dumps({"book": book_id}).encode(),
                extra_headers={headers.IDEMPOTENCY_KEY: idempotency.new_key()},
                timeout_s=PATIENCE_S,
            )
        except client.CallFailed:
            return UNANSWERED
        if reply.status == HTTPStatus.CREATED:
            return SOLD
        return SOLD_OUT if b'"out_of_stock"' in reply.body else REFUSED
