"""Output that never ends a run: a terminal that closes, a pipe that breaks, letters it lacks."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Nowhere(io.TextIOBase):
    """A stream that keeps nothing."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        """Nothing."""
        return len(text)


class Steady:
    """A text stream whose errors are kept to itself.

    Arguments:
        stream: The stream.
    """

    def __init__(self, stream: Any):
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write, or drop what cannot be written."""
        try:
            self.stream.write(text)
        except (OSError, ValueError):
            self._drop()
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write several pieces."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush, or drop what cannot be written."""
        try:
            self.stream.flush()
        except (OSError, ValueError):
            self._drop()

    def _drop(self) -> None:
        """Let what is still buffered, and all that follows, go nowhere."""
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)
        except (OSError, ValueError):
            # it is closed
            self.stream = Nowhere()


@contextmanager
def steady() -> Iterator[None]:
    """While inside, what is printed never raises, on stdout or stderr."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_steady(stream) for stream in before)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = before


def _steady(stream: Any) -> Any:
    if stream is None:
        # it was closed before this process began
        return Nowhere()
    if hasattr(stream, "reconfigure"):
        # letters that its encoding lacks are shown as escapes
        stream.reconfigure(errors="backslashreplace")
    return stream if isinstance(stream, Steady) else Steady(stream)
