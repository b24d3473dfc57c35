"""The labs of docs/course."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Lab:
    number: int
    title: str

    @property
    def sheet(self) -> Path:
        return ROOT / "docs" / "course" / f"lab-{self.number}-{self.title.replace(' ', '-')}.md"

    @property
    def check(self) -> Path:
        """Tests that the solved task passes, all of them; what each looks for is its docstring."""
        return HERE / f"check_lab_{self.number}.py"

    @property
    def solution(self) -> Path:
        """What a model solution changes."""
        return HERE / "solutions" / f"lab_{self.number}.patch"

    @property
    def half(self) -> Path:
        """What somebody changes who has overlooked the point of it."""
        return HERE / "half" / f"lab_{self.number}.patch"


TITLES = ("query and buy", "caching", "replication", "consistency", "failing", "measuring")
LABS = {number: Lab(number, title) for number, title in enumerate(TITLES, start=1)}
