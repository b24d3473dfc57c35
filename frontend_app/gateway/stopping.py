"""Hears of the signal that ends this process before the server has waited for all answers to end."""

import signal
import threading
from collections.abc import Callable


def on_signal_to_stop(then: Callable[[], None]) -> None:
    """Calls `then` at SIGTERM and SIGINT. Only in the main thread: elsewhere nothing is done.

    The server's own handlers, which are asyncio's, are called as well: asyncio hears of a signal through a
    descriptor, as long as there is any handler (https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd).
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: then())
        signal.siginterrupt(number, False)  # As asyncio has it: calls of the system go on.
