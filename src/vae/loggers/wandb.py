"""The Weights & Biases logger: a run of ours is one of theirs, also when resumed or failed."""

import os
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from PIL.Image import Image
from torch import Tensor

from vae.figures import grid
from vae.loggers.log import Log

# how long W&B may keep a run from starting, and its process from ending, in seconds
LIMITS = {"init_timeout": 30.0, "finish_timeout": 300.0}


class WandB(WandbLogger, Log):
    """Lightning's logger for Weights & Biases, one W&B run for each of our runs.

    Without a key (WANDB_API_KEY, or `wandb login`), or where the server does not answer, the run is
    kept offline, and how to send it later is printed. The W&B id is kept in the run directory, so
    that a resumed run goes on in the same W&B run; under a W&B agent it is the agent's.

    Arguments:
        save_dir: The run directory.
        project: The W&B project.
        options: More arguments of `wandb.init`: name, entity, group, job_type, tags, notes.
    """

    pictures = True

    def __init__(self, save_dir: str, project: str, **options: Any):
        if "WANDB_MODE" not in os.environ and not (has_key() and _answers()):
            # not Lightning's offline=True, with which it refuses artifacts
            options = {"mode": "offline", **options}
        options = {"settings": dict(LIMITS), **options}
        self.id_file = Path(save_dir, "wandb", "id.txt")
        if "WANDB_RUN_ID" not in os.environ:
            known = self.id_file.read_text().strip() if self.id_file.is_file() else ""
            options = {"id": known or secrets.token_hex(4), **options}
        super().__init__(save_dir=save_dir, project=project, **options)

    @rank_zero_only
    def start(self, config: Mapping[str, Any], step: int) -> None:
        """Begin the W&B run with the config, or go on in it."""
        run = self.experiment
        self.id_file.parent.mkdir(parents=True, exist_ok=True)
        self.id_file.write_text(run.id + "\n")
        run.config.update(dict(config), allow_val_change=True)
        for name in ("elbo", "log_px"):
            run.define_metric(f"val/{name}", summary="max")

    @rank_zero_only
    def picture(self, name: str, image: Image, step: int) -> None:
        """Log a picture."""
        import wandb

        self.experiment.log({name: wandb.Image(image), "trainer/global_step": step})

    @rank_zero_only
    def embedding(self, z: Tensor, label: Tensor, images: Tensor) -> None:
        """Log a table that W&B's embedding projector reads."""
        import wandb

        columns: list[str | int] = ["image", "label", *(f"z[{d}]" for d in range(z.shape[1]))]
        thumbnails = [wandb.Image(grid(image[None], 1, scale=1, gap=0)) for image in images]
        rows = zip(thumbnails, label.tolist(), z.tolist(), strict=True)
        table = wandb.Table(columns, [[image, y, *row] for image, y, row in rows])
        self.experiment.log({"latents": table})

    @rank_zero_only
    def close(
        self, results: Mapping[str, Any] | None, checkpoints: Mapping[str, Path], failed: bool
    ) -> None:
        """End the W&B run, as failed or finished, so that the next job gets its own."""
        if self._experiment is None:
            return
        run = self.experiment
        if results is not None:
            run.summary.update(_numbers(results))
        self._keep(checkpoints)
        offline, folder = run.offline, Path(run.dir).parent
        run.finish(exit_code=int(failed))
        self._experiment = None
        if offline:
            print(f"W&B run kept offline; send it with: wandb sync {shlex.quote(str(folder))}")

    def _keep(self, checkpoints: Mapping[str, Path]) -> None:
        """Log each checkpoint as a version of the run's artifact, under its alias."""
        import wandb

        run = self.experiment
        for alias, path in checkpoints.items():
            artifact = wandb.Artifact(f"model-{run.id}", type="model", metadata={"step": run.step})
            artifact.add_file(str(path), name=path.name)
            run.log_artifact(artifact, aliases=[alias])


def _numbers(results: Mapping[str, Any]) -> dict[str, Any]:
    """The estimates of results.json, with their errors, under names such as test/elbo."""
    flat: dict[str, Any] = {"score": results["score"]}
    for section in ("test", "latents", "samples"):
        for name, found in results[section].items():
            if isinstance(found, Mapping) and "value" in found:
                flat[f"{section}/{name}"] = found["value"]
                flat[f"{section}/{name}_standard_error"] = found["standard_error"]
            elif isinstance(found, int | float | str):
                flat[f"{section}/{name}"] = found
    if results["train"]:
        flat |= {f"training/{name}": value for name, value in results["train"].items()}
    return flat


def has_key() -> bool:
    """Whether W&B would find a key: in the environment, its settings or ~/.netrc."""
    import wandb
    from requests.utils import get_netrc_auth

    settings = wandb.setup().settings
    return bool(settings.api_key) or get_netrc_auth(settings.base_url) is not None


@rank_zero_only
def _answers() -> bool:
    """Whether the server answers at all; W&B would wait minutes for one that does not."""
    import requests
    import wandb

    url = wandb.setup().settings.base_url
    try:
        requests.head(url, timeout=5)
    except requests.RequestException:
        print(f"W&B's server {url} does not answer, so this run is kept offline", flush=True)
        return False
    return True
