"""A slow wire, as a process: hands on frames between two TAP devices of its network namespace, late; loses some.

Standard library only. Says a line once the devices are there; they end with it. Before a frame gets here the kernel
has filled in its checksum and cut it to size (https://docs.kernel.org/networking/tuntap.html).
"""

import fcntl
import os
import random
import selectors
import struct
import sys
import time
from collections import deque
from contextlib import suppress

TUN = "/dev/net/tun"
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
FRAME_BYTES = 65536
ROOM_FRAMES = 10_000
"""Under way at once: what comes beyond that is lost, as in a device."""


class Wire:
    """Both ways alike: each frame takes `delay_s`, and the share `loss` of them never arrives."""

    def __init__(self, delay_s: float, loss: float, seed: int) -> None:
        self._delay_s, self._loss, self._random = delay_s, loss, random.Random(seed)
        self._under_way: deque[tuple[float, int, bytes]] = deque()

    def put(self, frame: bytes, to: int, now: float) -> None:
        if self._random.random() >= self._loss and len(self._under_way) < ROOM_FRAMES:
            self._under_way.append((now + self._delay_s, to, frame))

    def due(self, now: float) -> list[tuple[int, bytes]]:
        """What has arrived by now, and where: each frame once, in order."""
        arrived = []
        while self._under_way and self._under_way[0][0] <= now:
            arrived.append(self._under_way.popleft()[1:])
        return arrived

    def wait_s(self, now: float) -> float | None:
        """Until the next one arrives; None if none is under way."""
        return max(0.0, self._under_way[0][0] - now) if self._under_way else None


def open_tap(name: str) -> int:
    descriptor = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return descriptor


def read_all(descriptor: int) -> list[bytes]:
    frames = []
    with suppress(OSError):  # There is no more, or the device is down.
        while True:
            frames.append(os.read(descriptor, FRAME_BYTES))
    return frames


def main(near: str, far: str, delay_s: str, loss: str, seed: str) -> None:
    ends = [open_tap(near), open_tap(far)]
    other = dict(zip(ends, reversed(ends), strict=True))
    wire = Wire(float(delay_s), float(loss), int(seed))
    sys.stdout.write("there\n")
    sys.stdout.flush()
    with selectors.DefaultSelector() as selector:
        for end in ends:
            selector.register(end, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select(wire.wait_s(time.monotonic())):
                now = time.monotonic()
                for frame in read_all(key.fd):
                    wire.put(frame, other[key.fd], now)
            for end, frame in wire.due(time.monotonic()):
                with suppress(OSError):
                    os.write(end, frame)


if __name__ == "__main__":
    main(*sys.argv[1:])
