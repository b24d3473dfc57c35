"""Asks a node whether it is ready, or answers at all, without waiting long and without blocking anybody."""

import asyncio
import json

from bookstore_project.settings import tls, topology

TIMEOUT_S = 2.0


async def why_not_ready(node: topology.Node) -> str:
    """Empty if the node's /readyz says 200 within two seconds; else the reason, in words."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            answer = await _get(node, "/readyz")
    except TimeoutError:
        return f"no answer within {TIMEOUT_S:g} s"
    except OSError as error:
        return error.strerror or "no connection"
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(None, 2)
    status = words[1].decode(errors="replace") if len(words) > 1 else "nothing"
    return "" if status == "200" else _detail(body) or f"it answers {status}"


async def is_silent(node: topology.Node, timeout_s: float) -> bool:
    """Whether nothing comes back from the node's /healthz within that time; any answer will do.

    What keeps this process from asking, as having no descriptors left, says nothing about the node: False.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return not await _get(node, "/healthz")
    except (TimeoutError, ConnectionError):
        return True
    except OSError:
        return False


async def _get(node: topology.Node, path: str) -> bytes:
    reader, writer = await asyncio.open_connection(node.host, node.port, ssl=tls.context())
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {node.address}\r\nConnection: close\r\n\r\n".encode())
        return await reader.read(-1)
    finally:
        writer.close()


def _detail(body: bytes) -> str:
    """The detail of a problem document; empty if it isn't one."""
    try:
        problem = json.loads(body)
    except ValueError:
        return ""
    return str(problem.get("detail", "")) if isinstance(problem, dict) else ""
