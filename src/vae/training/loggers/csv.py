"""metrics.csv, which a resumed run goes on with."""

import csv
import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from vae import files
from vae.training.loggers.log import Log, harmless

# rows that are held back before they are written
HELD = 100


class CSV(Log, Logger):
    """A row of numbers whenever something is logged.

    Lightning's own CSV logger deletes at its first use what a run had written before it was
    resumed, and opens the file anew for each new metric; here rows are appended, and the file is
    replaced as a whole where it gets new columns.

    Arguments:
        save_dir: The run directory; metrics.csv goes there.
    """

    def __init__(self, save_dir: str):
        super().__init__()
        self.path = Path(save_dir, "metrics.csv")
        self.rows: list[dict[str, Any]] = []
        # rows of the file, and its columns
        self.written, self.columns = 0, [""]
        self.warned = False
        # what the rows are of that an earlier process wrote
        self.known: set[tuple[int, frozenset[str]]] = set()

    @property
    def name(self) -> str:
        """Nothing: the file is in the run directory itself."""
        return ""

    @property
    def version(self) -> str:
        """Nothing."""
        return ""

    @property
    def save_dir(self) -> str:
        """The run directory."""
        return str(self.path.parent)

    @rank_zero_only
    def log_hyperparams(self, *arguments: Any, **options: Any) -> None:
        """Nothing: config.yaml has them."""

    @rank_zero_only
    @harmless
    def start(self, config: Mapping[str, Any], step: int) -> None:
        """Keep the rows that were logged before `step`; one that was cut short is none."""
        if not self.path.is_file():
            return
        kept = [row for row in _whole_rows(self.path.read_text()) if int(row["step"]) < step]
        self.rows, self.written, self.columns = [*kept, *self.rows], 0, [""]
        self.known = {_key(row) for row in kept}
        if kept:
            self._write()
        else:
            self.path.unlink()

    @rank_zero_only
    @harmless
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Add a row; it is written with those that follow it soon."""
        row = {k: v.item() if hasattr(v, "item") else v for k, v in metrics.items()}
        row["step"] = len(self.rows) if step is None else step
        if _key(row) in self.known:
            # the run had come as far as to write it before it was interrupted
            return
        self.rows.append(row)
        if len(self.rows) - self.written >= HELD:
            self._write()

    @rank_zero_only
    @harmless
    def save(self) -> None:
        """Write what is held back."""
        self._write()

    @rank_zero_only
    @harmless
    def finalize(self, status: str) -> None:
        """Write what is held back."""
        self._write()

    def _write(self) -> None:
        new = self.rows[self.written :]
        if not new:
            return
        columns = sorted({*self.columns, *(name for row in new for name in row)} - {""})
        try:
            if columns == self.columns:
                text = _text(columns, new)
                with self.path.open("a", newline="") as f:
                    f.write(text)
            else:
                text = _text(columns, [dict(zip(columns, columns, strict=True)), *self.rows])
                files.write(self.path, text)
        except OSError as e:
            # the rows are kept, and tried again with the next; half of one is replaced then
            self.columns = [""]
            if not self.warned:
                self.warned = True
                print(
                    f"warning: {self.path} cannot be written ({e}); the run goes on",
                    file=sys.stderr,
                    flush=True,
                )
            return
        self.columns, self.written = columns, len(self.rows)


def _key(row: Mapping[str, Any]) -> tuple[int, frozenset[str]]:
    """What a row is of: its step, and the names that it has values of."""
    return int(row["step"]), frozenset(k for k, v in row.items() if v not in (None, ""))


def _text(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    csv.DictWriter(text, columns, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _whole_rows(text: str) -> list[dict[str, Any]]:
    """The rows of a file, but for one that a dying process cut short."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
    rows = list(csv.DictReader(lines, restkey=""))
    return [r for r in rows if None not in r.values() and "" not in r and r["step"].isdigit()]
