"""How far long work is, on a terminal."""

from django.core.management.base import OutputWrapper

from bookstore_project.nodes.ticking import Ticker


class Progress:
    """Told what is done and the part of it that is, 0 to 1; writes whole percents over one another."""

    def __init__(self, output: OutputWrapper, ticker: Ticker) -> None:
        self._output, self._ticker = output, ticker
        self._told = ("", -1)

    def __call__(self, what: str, part: float) -> None:
        percent = int(part * 100)
        if (what, percent) != self._told:
            self._told = (what, percent)
            self._output.write(f"\r{what}: {percent:3} %", ending="\n" if percent == 100 else "")
            self._output.flush()
        self._ticker.heard()
