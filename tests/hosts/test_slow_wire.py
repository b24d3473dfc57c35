"""What a slow wire does with frames."""

from tests.hosts.slow_wire import ROOM_FRAMES, Wire


def test_frames_arrive_in_order_and_so_much_later() -> None:
    wire = Wire(delay_s=0.02, loss=0.0, seed=0)
    assert wire.wait_s(1.0) is None
    wire.put(b"there", 7, 1.0)
    wire.put(b"back", 8, 1.01)
    assert wire.due(1.0199) == []
    assert wire.due(1.0201) == [(7, b"there")]
    assert wire.wait_s(1.025) is not None
    assert wire.due(2.0) == [(8, b"back")]


def test_a_share_of_them_is_lost_the_same_by_each_seed() -> None:
    def arrived(seed: int) -> list[tuple[int, bytes]]:
        wire = Wire(delay_s=0.0, loss=0.01, seed=seed)
        for number in range(ROOM_FRAMES):
            wire.put(str(number).encode(), 7, 0.0)
        return wire.due(0.0)

    assert arrived(1) == arrived(1) != arrived(2)
    assert 0.98 < len(arrived(1)) / ROOM_FRAMES < 0.995


def test_it_has_room_for_so_many_frames() -> None:
    wire = Wire(delay_s=1.0, loss=0.0, seed=0)
    for _ in range(ROOM_FRAMES + 1):
        wire.put(b"", 7, 0.0)
    assert len(wire.due(1.0)) == ROOM_FRAMES
