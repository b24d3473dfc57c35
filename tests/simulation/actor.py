"""One actor of a simulated process, and the random numbers by which one is chosen."""

import _thread

new_baton = _thread.allocate_lock


class Actor:
    """A thread, as the simulator knows it by its number."""

    def __init__(self, number: int, name: str) -> None:
        self.number, self.name = number, name
        self.is_ready = True
        self.wakes_ns = -1
        """When it wants to be chosen though nobody woke it; negative: never."""
        self.in_vain = 0
        """How often it has asked for a lock between processes since it last had one."""
        self.slept_s, self.woke_ns, self.looks = 0.0, 0, 0
        """For how long it slept the last time, when that ended, and how often before it had slept as long at once."""
        self.held_ns = 0
        """Until when it isn't chosen, whatever it waits for."""
        self.has_ended = False
        self.joining: list[Actor] = []
        self._baton = new_baton()
        self._baton.acquire()

    def go(self) -> None:
        self._baton.release()

    def await_turn(self) -> None:
        self._baton.acquire()


class Chance:
    """Random numbers that take little time, also to begin anew with a seed: Knuth's MMIX generator."""

    def __init__(self) -> None:
        self.state = 0

    def below(self, limit: int) -> int:
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 32) * limit >> 32
