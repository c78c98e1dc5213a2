"""Tells when training began."""

import os
import time
from typing import Any

from lightning.pytorch import Callback


class FirstStep(Callback):
    """Print the time at which the first batch is about to be trained on, and end the process."""

    def on_train_batch_start(self, *_: Any) -> None:
        """Print seconds since the epoch."""
        print(f"first step at {time.time()}", flush=True)
        os._exit(0)
