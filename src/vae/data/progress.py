"""How far a long piece of work has come."""

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress:
    """A bar in a terminal; elsewhere a line every few seconds, and none for what is quick.

    Arguments:
        what: What is done, for instance "decoding".
        total: How many steps there are.
        interval: Seconds between two lines.
    """

    def __init__(self, what: str, total: int, interval: float = 5.0):
        self.what = what
        self.total = total
        self.interval = interval
        self.done = 0
        self.told = time.monotonic()
        self.bar: Bar | None = None

    def __enter__(self) -> "Progress":
        if sys.stdout.isatty():
            columns = (TextColumn(self.what), BarColumn(), MofNCompleteColumn())
            self.bar = Bar(*columns, TimeRemainingColumn(), console=Console(), transient=True)
            self.bar.start()
            self.task = self.bar.add_task(self.what, total=self.total)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def advance(self, by: int = 1) -> None:
        """Go on by some steps."""
        self.done += by
        if self.bar is not None:
            self.bar.advance(self.task, by)
        elif time.monotonic() - self.told > self.interval:
            self.told = time.monotonic()
            print(f"{self.what} {self.done:,} of {self.total:,}", flush=True)
