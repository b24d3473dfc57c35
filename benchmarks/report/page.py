"""The report as one page that needs nothing else, and the files beside it."""

import csv
import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.report import style
from benchmarks.report.section import Plot, Section, Table

TITLE = "What the store does, measured"
CSS = """
:root { color-scheme: light dark; %(light)s }
@media (prefers-color-scheme: dark) { :root { %(dark)s } }
body { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 0
auto;
  padding: 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
a { color: inherit; }
.question { font-style: italic; }
.warning { border: 2px solid var(--s2); padding: .5rem 1rem; }
figure { margin: 1.5rem 0; } figcaption, caption { font-size: .875rem; text-align: left; }
svg { width: 100%%; min-width: 32rem; height: auto; } code { font-size: .9em; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .875rem; width: 100%%; margin: 1rem 0; }
th, td { border-bottom: 1px solid var(--faint); padding: .25rem .5rem; text-align: left; vertical-align: top; }
td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
"""


def write(
    folder: Path, sections: Mapping[str, Section], conditions: Mapping[str, str], warning: str, cost: Table
) -> Path:
    """`index.html`, drawings in `plots/`, raw figures in `csv/`; the page's path."""
    for name in ("plots", "csv"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    parts = [_section(folder, name, section) for name, section in sections.items()]
    page = _page(sections, conditions, warning, cost, parts)
    (folder / "index.html").write_text(page)
    write_csv(folder / "csv" / "conditions.csv", [{"what": key, "is": value} for key, value in conditions.items()])
    return folder / "index.html"


def write_csv(file: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """With the first row's names as head."""
    with file.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, fieldnames=list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)


def _page(
    sections: Mapping[str, Section], conditions: Mapping[str, str], warning: str, cost: Table, parts: Sequence[str]
) -> str:
    colours = {
        name: " ".join(f"{variable}: {colour};" for variable, colour in values.items())
        for name, values in (("light", style.LIGHT), ("dark", style.DARK))
    }
    listed = "".join(f'<li><a href="#{name}">{_text(each.title)}</a></li>' for name, each in sections.items())
    about = _table(Table("Conditions", ["what", "is"], list(conditions.items())))
    warned = f'<p class="warning" role="note">{_text(warning)}</p>' if warning else ""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{TITLE}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{CSS % colours}</style></head>\n<body><main><h1>{TITLE}</h1>{warned}"
        "<p>Real processes on one machine. What is compared was measured by turns, after a warm-up. Figures are "
        "medians of the rounds, "
        "with the least and the greatest in brackets.</p>"
        f"<nav><ul>{listed}</ul></nav>{''.join(parts)}"
        f'<section id="conditions"><h2>Conditions</h2>{about}{_table(cost)}</section></main></body></html>\n'
    )


def _section(folder: Path, name: str, section: Section) -> str:
    for file, rows in section.raw.items():
        write_csv(folder / "csv" / f"{file}.csv", rows)
    drawn = "".join(_plot(folder, plot) for plot in section.plots)
    tables = "".join(_table(table) for table in section.tables)
    limits = f"<p><strong>What it doesn't show.</strong> {_text(section.limits)}</p>" if section.limits else ""
    return (
        f'<section id="{name}"><h2>{_text(section.title)}</h2><p class="question">{_text(section.question)}</p>'
        f"{drawn}{tables}<p><strong>What it shows.</strong> {_text(section.shows)}</p>{limits}</section>\n"
    )


def _plot(folder: Path, plot: Plot) -> str:
    text = style.svg(plot.figure)
    (folder / "plots" / f"{plot.name}.svg").write_text(text)
    (folder / "plots" / f"{plot.name}.png").write_bytes(style.png(plot.figure))
    return (
        f'<figure><div class="wide">{style.inline(text)}</div><figcaption>{_text(plot.caption)}</figcaption></figure>'
    )


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in table.head)
    rows = "".join(f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    return (
        f'<div class="wide"><table><caption>{_text(table.caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cell(cell: str) -> str:
    if cell.startswith("https://"):
        return " ".join(
            f'<a href="{html.escape(link)}">{_text(link.removeprefix("https://").rstrip("/"))}</a>'
            for link in cell.split()
        )
    return _text(cell)


def _text(text: str) -> str:
    """What stands between backticks is code; a word between asterisks is emphasized."""
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
    return re.sub(r"\*(\w+)\*", r"<em>\1</em>", escaped)
