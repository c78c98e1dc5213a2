"""Lightning's door to checkpoints."""

from pathlib import Path
from typing import Any

from lightning.fabric.plugins.io import TorchCheckpointIO

from vae.runs.checkpoint import save


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's checkpoints by way of a file beside the target.

    Lightning's own pass through the system's folder for temporary files, which may be small or on
    another disk: a full disk, or a kill, would then leave half a checkpoint.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a checkpoint.

        Raises:
            RunError: If there is no room for it, or it cannot be written.
        """
        save(checkpoint, Path(path))
