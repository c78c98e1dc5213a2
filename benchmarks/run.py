"""Measure everything, print one table, and write it into docs/benchmarks.md.

    python benchmarks/run.py [--rounds 5] [epochs busy first_run likelihood startup growth ...]

Takes 30 minutes on 2 cores, which must have nothing else to do. A table of some benchmarks alone
is printed and not written.
"""

import argparse
import datetime
import subprocess
import sys

from measure import HEADER, HERE, machine

NAMES = ["epochs", "busy", "first_run", "likelihood", "startup", "growth", "footprint"]
PAGE = HERE.parent / "docs" / "benchmarks.md"
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
        # in a process of its own: a large parent would count as its children's memory
        options = ["--rounds", str(words.rounds)] if name in ("epochs", "busy") else []
        command = [sys.executable, str(HERE / f"{name}.py"), *options]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        rows += [line for line in output.splitlines() if line.startswith("| ")][1:]
    text = "\n".join([f"{machine()}. {datetime.date.today():%Y-%m-%d}.", "", *HEADER, *rows])
    print(text)
    if not words.names:
        write(text)
