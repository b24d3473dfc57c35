"""Asks a node whether it is ready, without waiting long and without blocking anybody."""

import asyncio
import json

from bookstore_project.settings import topology

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


async def _get(node: topology.Node, path: str) -> bytes:
    reader, writer = await asyncio.open_connection(node.host, node.port)
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
