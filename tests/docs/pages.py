"""The pages of the documentation, and what they name."""

import re
import subprocess
from functools import cache
from pathlib import Path

from bookstore_project.settings import topology

ROOT = topology.ROOT
DOCS = ROOT / "docs"
README = ROOT / "README.md"


@cache
def tracked() -> tuple[str, ...]:
    """Files of the repository, or in a copy that is none, all files but what tools have made."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], check=False, cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode == 0:
        return tuple(name for name in listed.stdout.splitlines() if (ROOT / name).exists())
    return tuple(
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*")
        if path.is_file() and not path.relative_to(ROOT).parts[0].startswith((".", "var"))
    )


def pages() -> list[Path]:
    return [ROOT / name for name in tracked() if name.endswith(".md")]


def title(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(text: str) -> str:
    """Without blocks of code."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def shell(text: str) -> list[str]:
    """The commands of a page's shell blocks, one a line, without comments."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [command for line in lines if (command := re.sub(r"(^|\s)# .*", "", line).strip())]


def links(text: str) -> list[tuple[str, str]]:
    """Where the page's links within the repository lead: path, which may be empty, and anchor, which may be, too."""
    found = re.findall(r"\]\(([^()\s]+)\)", prose(text))
    return [(path, anchor) for path, _, anchor in (link.partition("#") for link in found) if ":" not in path]


def anchors(text: str) -> set[str]:
    """What GitHub makes of a page's headings (https://docs.github.com/en/get-started/writing-on-github)."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def rows(text: str) -> list[str]:
    """The first cells of the page's tables."""
    return re.findall(r"^\| *(.*?) *(?<!\\)\|", text, re.MULTILINE)
