"""metrics.csv, which a resumed run goes on with."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.utilities import rank_zero_only

from vae.loggers.log import Log


class CSV(CSVLogger, Log):
    """Lightning's CSV logger, which would delete what a run had written before it was resumed.

    Arguments:
        save_dir: The run directory; metrics.csv goes there.
    """

    def __init__(self, save_dir: str):
        path = Path(save_dir, "metrics.csv")
        # Lightning deletes the file at the first use of the logger
        before = path.read_text() if path.is_file() else ""
        self.before = list(csv.DictReader(before.splitlines()))
        super().__init__(save_dir=save_dir, name="", version="")

    @rank_zero_only
    def start(self, config: Mapping[str, Any], step: int) -> None:
        """Keep the rows that were logged before `step`."""
        kept = [row for row in self.before if int(row["step"]) < step]
        if not kept:
            return
        writer = self.experiment
        writer.metrics_keys = sorted(kept[0])
        with Path(writer.metrics_file_path).open("w", newline="") as f:
            table = csv.DictWriter(f, fieldnames=writer.metrics_keys)
            table.writeheader()
            table.writerows(kept)
