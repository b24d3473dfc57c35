"""A hundred customers at once, each with a request of its own at the front's own door."""

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus

from bookstore_project.api import headers, idempotency, problems
from bookstore_project.api.request_id import begin_own
from bookstore_project.nodes import client
from bookstore_project.nodes.balancing.checks import Call
from bookstore_project.nodes.json_documents import json_object
from frontend_app.runtime import Front

CUSTOMERS = 100
PATIENCE_S = 15.0
SOLD, SOLD_OUT, TURNED_AWAY = "sold", "told that it is sold out", "turned away unserved"
REFUSED, UNKNOWN = "refused", "left not knowing"
OUTCOMES = (SOLD, SOLD_OUT, TURNED_AWAY, REFUSED, UNKNOWN)
OF_CODE = {
    "out_of_stock": SOLD_OUT,
    "unavailable": TURNED_AWAY,
    "throttled": TURNED_AWAY,
    "outcome_unknown": UNKNOWN,
}
"""What a customer was told, by the code of the problem; any other is a refusal."""


@dataclass(eq=False)
class LoadBurst:
    """One at a time for each front. It goes in through the front's door, as any customer does: bounded there."""

    front: Front
    call: Call = client.call

    def start(self, book_id: int) -> str:
        """Begins in the background. Raises Conflict while one is under way."""
        if not self.front.burst_lock.acquire(blocking=False):
            raise problems.Conflict("The customers of the last rush aren't through yet. Nothing was done.")
        threading.Thread(target=self._run, args=(book_id,), name="rush", daemon=True).start()
        return f"{CUSTOMERS} customers are on their way to buy book {book_id}: the events will tell."

    def _run(self, book_id: int) -> None:
        began = time.monotonic()
        request_id = begin_own("rush")
        try:
            with ThreadPoolExecutor(CUSTOMERS, thread_name_prefix="customer") as pool:
                ids = [f"{request_id}.{number}" for number in range(1, CUSTOMERS + 1)]
                outcomes = Counter(pool.map(lambda each: self._buy(book_id, each), ids))
            told = ", ".join(f"{outcomes[each]} {each}" for each in OUTCOMES if outcomes[each])
            took = f"in {time.monotonic() - began:.1f} s (requests {ids[0]} to {ids[-1]})"
            text = f"{CUSTOMERS} purchases of book {book_id} at once: {told}, {took}"
            self.front.journal.event(self.front.node.name, text)
        finally:
            self.front.burst_lock.release()

    def _buy(self, book_id: int, request_id: str) -> str:
        try:
            reply = self.call(
                self.front.node,
                "POST",
                "/api/v1/orders/",
                body=json.dumps({"book": book_id}).encode(),
                extra_headers={
                    headers.IDEMPOTENCY_KEY: idempotency.new_key(),
                    headers.REQUEST_ID: request_id,
                },
                timeout_s=PATIENCE_S,
            )
        except client.NeverSent:
            return TURNED_AWAY
        except client.CallFailed:
            return UNKNOWN
        if reply.status == HTTPStatus.CREATED:
            return SOLD
        return OF_CODE.get(str(json_object(reply.body).get("code")), REFUSED)
