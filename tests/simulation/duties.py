"""What a simulated process does: a node's work, what comes before the nodes, and how a store is prepared."""

import asyncio
import importlib
from typing import Any

from tests.simulation import primitives
from tests.simulation.actors import World
from tests.simulation.link import Message


def become(name: str) -> None:
    """Makes this process a node of that name, as BOOKSTORE_NODE does when the settings are loaded."""
    from django.conf import settings

    from bookstore_project.replication.conf import replication_settings
    from bookstore_project.settings import secret_files, topology

    forget_witnesses()
    topology.NODE = topology.NODES[name] if name else None
    settings.NODE_NAME = name
    settings.REPLICATION["NODE"] = name
    replication_settings.reload()
    settings.SECRET_KEY = secret_files.read(secret_files.SECRET_KEY)
    settings.SERVICE_TOKEN = secret_files.read(secret_files.SERVICE_TOKEN)


def forget_witnesses() -> None:
    """What this process remembers of those that it has read; a fork would know of them, too."""
    from bookstore_project.replication.sqlite_pair.membership import witness

    witness._newest.clear()
    witness._past.clear()


def serve(world: World) -> None:
    """Answers requests as the node does: through its gateway, in its threads."""
    from tests.simulation.loop import Loop

    become(world.name)
    world.booted_ns = primitives.booted_ns()
    loop = Loop(world)
    asyncio.set_event_loop(loop)
    application = importlib.import_module("bookstore_project.asgi").application

    def on_item(item: Message) -> None:
        loop.call_soon_threadsafe(_begin_request, application, world, item)

    world.on_item = on_item
    loop.create_task(_live(application, world))
    loop.run_forever()


async def _live(application: Any, world: World) -> None:
    waiting = [{"type": "lifespan.startup"}]

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop()
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]  # It never ends.

    async def send(message: Any) -> None:
        world.out.append(("serving",))

    await application({"type": "lifespan"}, receive, send)


_requests: set["asyncio.Task[None]"] = set()


def _begin_request(application: Any, world: World, item: Message) -> None:
    task = asyncio.ensure_future(_answer(application, world, item))
    _requests.add(task)
    task.add_done_callback(_requests.discard)


async def _answer(application: Any, world: World, item: Message) -> None:
    from tests.asgi import converse, scope_of

    _, number, method, target, sent, body = item
    request = {"type": "http.request", "body": body, "more_body": False}
    answer = await converse(application, scope_of(method, target, sent), [request])
    headers = [(name, value[:]) for name, value in answer.headers.items()]  # Plain strings, without a subclass.
    world.out.append(("answer", number, int(answer.status), headers, bytes(answer.body)))


def boot(world: World) -> None:
    """What comes before the nodes when the machine was started; tells why it came to nothing."""
    from django.core.management.base import CommandError

    from bookstore_project.cluster import preparation

    become("")
    world.booted_ns = primitives.booted_ns()
    failed = ""
    try:
        preparation.prepare(lambda line: world.out.append(("log", line)))
    except CommandError as error:
        failed = str(error)
    world.call("booted", failed)


def prepare(world: World) -> None:
    """Makes the data folder ready to sell from, as `manage.py prepare` does."""
    from bookstore_project.cluster import preparation

    said: list[str] = []
    preparation.prepare(said.append)
    if said != ["Created the account `staff`."]:
        raise AssertionError(said)
    world.call("prepared")
