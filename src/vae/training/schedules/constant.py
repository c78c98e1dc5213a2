"""The rate as it is set."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Constant:
    """1 at all times."""

    # whether it depends on how long training lasts; others do
    needs_length: ClassVar[bool] = False

    def __call__(self, t: float) -> float:
        """The factor at fraction t of training."""
        return 1.0
