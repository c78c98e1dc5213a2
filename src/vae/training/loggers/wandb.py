"""The Weights & Biases logger: a run of ours is one of theirs, also when resumed or failed."""

import os
import secrets
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from PIL.Image import Image
from torch import Tensor

from vae import files
from vae.errors import ConfigError, one_line
from vae.reporting.figures import grid
from vae.runs.results import Results
from vae.training.loggers.log import Log, harmless
from vae.training.loggers.patience import Impatient, answers, end_service, within

MODES = ("online", "offline", "disabled", "shared", "dryrun", "run")

# seconds that W&B's own process may take to begin
OWN = 60.0


class WandB(Log, WandbLogger):
    """Lightning's logger for Weights & Biases, one W&B run for each of our runs.

    Without a key (WANDB_API_KEY, or `wandb login`), or where the server does not answer in time,
    the run is kept offline, and how to send it later is printed. Nothing of a run waits for the
    server but its start and its end, and these wait no longer than is said here. The W&B id is kept
    in the run directory, so that a resumed run goes on in the same W&B run; under a W&B agent it is
    the agent's.

    Arguments:
        save_dir: The run directory.
        project: The W&B project.
        name: The run's name.
        entity: The W&B user or team; null for the key's own.
        group: What its run is shown with.
        job_type: What kind of run it is.
        tags: Words to find it by; none leaves $WANDB_TAGS to W&B.
        notes: A text.
        wait: How long the server may take to begin, in seconds.
        finish: How long the end of the run may wait for the upload, in seconds.
        mode: W&B's mode; null is online with a key, else offline.
        settings: More settings of W&B's own.

    Raises:
        ConfigError: If $WANDB_MODE is none of W&B's.
    """

    pictures = True

    def __init__(
        self,
        save_dir: str,
        project: str,
        name: str | None = None,
        entity: str | None = None,
        group: str | None = None,
        job_type: str | None = None,
        tags: Sequence[str] = (),
        notes: str | None = None,
        wait: float = 10.0,
        finish: float = 120.0,
        mode: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ):
        asked = mode or os.environ.get("WANDB_MODE") or None
        if asked is not None and asked not in MODES:
            raise ConfigError(
                f"W&B's mode (WANDB_MODE) is {', '.join(MODES[:-1])} or {MODES[-1]}, got {asked}; "
                "set one of them, or unset it."
            )
        # whether W&B's own process would wait for a server that is not there
        self.dead = False
        if asked is None:
            if not has_key():
                # not Lightning's offline=True, with which it refuses artifacts
                asked = "offline"
            elif not _asked(wait):
                asked, self.dead = "offline", True
        # what is logged at the end, since W&B asks its server for it
        self.table: tuple[Tensor, Tensor, Tensor] | None = None
        self.wait, self.limit = wait, finish
        options: dict[str, Any] = {"entity": entity, "group": group, "job_type": job_type}
        options |= {"tags": list(tags) or None, "notes": notes}
        options = {k: v for k, v in options.items() if v is not None}
        if asked is not None:
            options["mode"] = asked
        options["settings"] = {"init_timeout": wait, **(settings or {})}
        self.id_file = Path(save_dir, "wandb", "id.txt")
        if "WANDB_RUN_ID" not in os.environ:
            known = self.id_file.read_text().strip() if self.id_file.is_file() else ""
            options["id"] = known or secrets.token_hex(4)
        super().__init__(save_dir=save_dir, project=project, name=name, **options)

    @rank_zero_only
    @harmless
    def start(self, config: Mapping[str, Any], step: int) -> None:
        """Begin the W&B run with the config, or go on in it; offline if that takes too long."""
        # offline there is no server to wait for, but a process of its own, on a busy machine
        wait = OWN if self._wandb_init.get("mode") == "offline" else self.wait
        try:
            run = within(wait, partial(_begin, self._wandb_init))
        except Exception as e:
            end_service()
            if self._wandb_init.get("mode") == "offline":
                raise
            self.dead = True
            offline = {**self._wandb_init, "mode": "offline"}
            print(
                f"W&B did not begin ({one_line(e, 120)}), so this run is kept offline", flush=True
            )
            try:
                run = within(OWN, partial(_begin, offline))
            except Exception:  # noqa: BLE001
                # what was left behind has begun a run of this id in the meantime
                run = within(OWN, partial(_begin, {**offline, "id": secrets.token_hex(4)}))
        self._experiment = run
        files.write(self.id_file, run.id + "\n")
        run.config.update(dict(config), allow_val_change=True)
        for name in ("elbo", "log_px"):
            run.define_metric(f"val/{name}", summary="max")

    @rank_zero_only
    @harmless
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log numbers."""
        super().log_metrics(dict(metrics), step)

    @rank_zero_only
    @harmless
    def picture(self, name: str, image: Image, step: int) -> None:
        """Log a picture."""
        import wandb

        self.experiment.log({name: wandb.Image(image), "trainer/global_step": step})

    @rank_zero_only
    @harmless
    def embedding(self, z: Tensor, label: Tensor, images: Tensor) -> None:
        """Keep what becomes a table that W&B's embedding projector reads."""
        self.table = z, label, images

    @rank_zero_only
    @harmless
    def finalize(self, status: str) -> None:
        """Nothing: `close` ends the run."""

    @rank_zero_only
    def close(self, results: Results | None, checkpoints: Mapping[str, Path], failed: bool) -> None:
        """End the W&B run, as failed or finished, so that the next job gets its own."""
        run, self._experiment = self._experiment, None
        if run is None:
            return
        offline, folder = True, self.id_file.parent
        try:
            offline, folder = run.offline, Path(run.dir).parent
            within(self.limit, lambda: self._end(run, results, checkpoints, failed))
        except Exception as e:  # noqa: BLE001
            self.dead = self.broken = offline = True
            why = f"in {self.limit:g} seconds" if isinstance(e, Impatient) else f"({e})"
            print(f"W&B's server did not take the run {one_line(why)}", flush=True)
        if self.dead:
            end_service()
        if offline:
            print(f"W&B run kept offline; send it with: wandb sync {shlex.quote(str(folder))}")

    def _end(
        self,
        run: Any,
        results: Results | None,
        checkpoints: Mapping[str, Path],
        failed: bool,
    ) -> None:
        if results is not None:
            run.summary.update(results.numbers())
        if self.table is not None:
            run.log({"latents": _table(*self.table)})
        _keep(run, checkpoints)
        run.finish(exit_code=int(failed))


def _begin(options: Mapping[str, Any]) -> Any:
    """A W&B run whose charts have the training step below them."""
    import wandb

    run = wandb.init(**options)
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    return run


def _table(z: Tensor, label: Tensor, images: Tensor) -> Any:
    import wandb

    columns: list[str | int] = ["image", "label", *(f"z[{d}]" for d in range(z.shape[1]))]
    thumbnails = [wandb.Image(grid(image[None], 1, scale=1, gap=0)) for image in images]
    rows = zip(thumbnails, label.tolist(), z.tolist(), strict=True)
    return wandb.Table(columns, [[image, y, *row] for image, y, row in rows])


def _keep(run: Any, checkpoints: Mapping[str, Path]) -> None:
    """Log each checkpoint as a version of the run's artifact, under its alias."""
    import wandb

    for alias, path in checkpoints.items():
        artifact = wandb.Artifact(f"model-{run.id}", type="model", metadata={"step": run.step})
        artifact.add_file(str(path), name=path.name)
        run.log_artifact(artifact, aliases=[alias])


def has_key() -> bool:
    """Whether W&B would find a key: in the environment, its settings or ~/.netrc."""
    # reports of wandb's own errors, for which every process would wait at its end
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb
    from requests.utils import get_netrc_auth

    settings = wandb.setup().settings
    return bool(settings.api_key) or get_netrc_auth(settings.base_url) is not None


@rank_zero_only
def _asked(wait: float) -> bool:
    """Whether the server answers in time; W&B would wait minutes for one that does not."""
    import wandb

    settings = wandb.setup().settings
    if answers(settings.base_url, settings.api_key, wait):
        return True
    print(
        f"W&B's server {settings.base_url} does not answer, so this run is kept offline", flush=True
    )
    return False
