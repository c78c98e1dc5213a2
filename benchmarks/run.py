"""Measure everything, print one table, and write it into docs/benchmarks.md.

    python benchmarks/run.py [--rounds 5] [epochs likelihood startup growth footprint]

Takes 20 minutes on 2 cores, which must have nothing else to do. A table of some benchmarks alone
is printed and not written.
"""

import argparse
import datetime
import importlib
import sys
from pathlib import Path

from measure import machine, table

NAMES = ["epochs", "likelihood", "startup", "growth", "footprint"]
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
START, END = "<!-- measured by benchmarks/run.py -->", "<!-- end -->"


def write(text: str) -> None:
    """Put `text` between the marks of docs/benchmarks.md."""
    page = PAGE.read_text()
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{START}\n\n{text}\n\n{END}{after}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="which; all by default")
    parser.add_argument("--rounds", type=int, default=5)
    words = parser.parse_args()
    if unknown := set(words.names) - set(NAMES):
        parser.error(f"a benchmark is one of {', '.join(NAMES)}, got {', '.join(unknown)}.")
    rows = []
    for name in words.names or NAMES:
        print(f"measuring {name}", file=sys.stderr)
        module = importlib.import_module(name)
        rows += list(module.rows(words.rounds) if name == "epochs" else module.rows())
    text = f"{machine()}. {datetime.date.today():%Y-%m-%d}.\n\n{table(rows)}"
    print(text)
    if not words.names:
        write(text)
