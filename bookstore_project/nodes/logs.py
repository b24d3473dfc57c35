"""Log lines leave a request's path at once: a bounded queue, emptied by a thread of its own.

A reader of the log that stalls (a stopped terminal, a full disk) costs log lines, and the next line says how
many; it never costs a request its time.
"""

import atexit
import json
import logging
import logging.config
import logging.handlers
import queue
import sys
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.utils.log import DEFAULT_LOGGING

from bookstore_project.api.request_id import current_request_id
from bookstore_project.nodes import redaction
from bookstore_project.settings import topology

QUEUE_LENGTH = 10_000
LONGEST_MESSAGE, LONGEST_TRACEBACK = 1000, 20_000
"""Characters. What a request holds may come up in any of them."""
ACCESS_FORMAT = '"%s" %s %s'
"""Of the lines that Python's `http.server`, on which `runserver` rests, writes for each request."""


class DroppingQueueHandler(logging.handlers.QueueHandler):
    """Queues records; when the queue is full it counts instead of waiting."""

    dropped = 0

    def __init__(self, lines: queue.Queue[logging.LogRecord] | queue.SimpleQueue[logging.LogRecord]) -> None:
        super().__init__(lines)
        self._lines = lines

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        if not hasattr(record, "request_id"):
            record.request_id = current_request_id()
        prepared: logging.LogRecord = super().prepare(record)
        return prepared

    def enqueue(self, record: logging.LogRecord) -> None:
        if self._lines.qsize() >= QUEUE_LENGTH:
            self.dropped += 1
            return
        if self.dropped:
            record.msg = f"{record.msg} [{self.dropped} lines left out]"
        self._lines.put_nowait(record)
        self.dropped = 0


class TextFormatter(logging.Formatter):
    """`21:04:11.123 GET /product/2 200 cache 0.2 ms  [id]`; warnings and errors name their level.

    Milliseconds, so that lines of several nodes can be put in order; in UTC, which has no hour twice.
    """

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[11:23]
        level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        request_id = getattr(record, "request_id", "")
        trailer = f"  [{request_id}]" if request_id else ""
        text = f"{moment} {level}{record.getMessage()}{trailer}"
        return f"{text}\n{record.exc_text}" if record.exc_text else text


class JSONFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "node": topology.NODE.name if topology.NODE else "",
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": getattr(record, "request_id", ""),
        }
        for name in ("status", "duration_ms"):
            if hasattr(record, name):
                entry[name] = getattr(record, name)
        if record.exc_text:
            entry["exception"] = record.exc_text
        return json.dumps(entry, ensure_ascii=False)


def shorten_refusal(record: logging.LogRecord) -> bool:
    """A handler's filter: what Django finds suspicious in a request (an unknown Host ...) is one line, no traceback.

    Whoever sends it could otherwise write pages into the log with each request.
    """
    if record.name.startswith("django.security."):
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
    return True


def is_no_access_line(record: logging.LogRecord) -> bool:
    """A filter of what `runserver` says: without a line for each request.

    Those that a person made have one from `bookstore.request`, which tells more; those that machines make all the
    time would hide it. A line stays if the server answered by itself, without Django, or met a defect.
    """
    is_of_a_request = record.msg == ACCESS_FORMAT
    return not is_of_a_request or record.levelno >= logging.ERROR


def shorten(record: logging.LogRecord) -> bool:
    """A handler's filter: no record is longer than LONGEST_MESSAGE, with a traceback of LONGEST_TRACEBACK."""
    message = record.getMessage()
    if len(message) > LONGEST_MESSAGE:
        record.msg, record.args = redaction.cut(message, LONGEST_MESSAGE), None
    if record.exc_info and not record.exc_text:
        record.exc_text = logging.Formatter().formatException(record.exc_info)
    if record.exc_text and len(record.exc_text) > LONGEST_TRACEBACK:
        half = LONGEST_TRACEBACK // 2
        left_out = len(record.exc_text) - 2 * half
        record.exc_text = f"{record.exc_text[:half]}\n…[+{left_out}]\n{record.exc_text[-half:]}"
    return True


def configure(_: dict[str, Any]) -> None:
    """settings.LOGGING_CONFIG: Django's defaults, with one queue in front of standard output."""
    logging.config.dictConfig(DEFAULT_LOGGING)
    output = logging.StreamHandler(sys.stdout if topology.NODE else sys.stderr)
    output.setFormatter(JSONFormatter() if settings.LOG_FORMAT == "json" else TextFormatter())
    handler: logging.Handler = output
    if topology.NODE:
        # Bounded by the handler; a queue that bounds itself takes a twentieth of a purchase's processor time.
        lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
        handler = DroppingQueueHandler(lines)
        listener = logging.handlers.QueueListener(lines, output)
        listener.start()
        atexit.register(listener.stop)
    handler.addFilter(shorten_refusal)
    handler.addFilter(shorten)
    for name in ("bookstore", "django"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.INFO)
    # Each 4xx and 5xx has its line from bookstore.request; what lies behind a 500 is told by `unhandled_exceptions`.
    logging.getLogger("django.request").addFilter(lambda record: False)
    logging.getLogger("django.server").addFilter(is_no_access_line)
