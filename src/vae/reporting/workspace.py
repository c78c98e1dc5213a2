"""A W&B workspace that shows runs as a VAE is read."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

from vae.errors import needs_extra

PARTS = ("elbo", "rate", "distortion")


def workspace(entity: str, project: str, name: str) -> Any:
    """The workspace, not saved yet.

    Training and validation share axes, so that a gap between them is seen.

    Arguments:
        entity: The W&B user or team.
        project: The project whose runs it shows.
        name: Its name.

    Raises:
        ConfigError: If wandb-workspaces is not installed.
    """
    try:
        wr: Any = import_module("wandb_workspaces.reports.v2")
        ws: Any = import_module("wandb_workspaces.workspaces")
    except ImportError as e:
        raise needs_extra("a dashboard", "wandb-workspaces", "dashboard") from e

    def lines(title: str, *metrics: str) -> Any:
        return wr.LinePlot(title=title, x="trainer/global_step", y=list(metrics))

    def pictures(*names: str) -> Any:
        return wr.MediaBrowser(media_keys=list(names))

    likelihood = [lines(f"{p} (nats per image)", f"train/{p}", f"val/{p}") for p in PARTS]
    likelihood.append(wr.BarPlot(title="test ELBO", metrics=["test/elbo"]))
    likelihood.append(wr.BarPlot(title="test log p(x)", metrics=["test/log_px"]))
    plane = wr.ScatterPlot(
        title="rate against distortion, test set",
        x=wr.SummaryMetric("test/rate"),
        y=wr.SummaryMetric("test/distortion"),
    )
    sections = {
        "Likelihood": likelihood,
        "Rate-distortion": [
            plane,
            lines("rate", "val/rate"),
            lines("distortion", "val/distortion"),
        ],
        "Latents": [
            lines("active units", "val/active_units"),
            pictures("pictures/rate_per_dimension", "test/latents", "test/dimensions"),
            wr.WeavePanelSummaryTable(table_name="latents"),
        ],
        "Samples": [
            pictures("pictures/samples", "test/samples"),
            pictures("pictures/reconstructions", "test/reconstructions"),
            pictures("pictures/traversals", "test/traversals", "test/interpolations"),
        ],
        "System": [
            lines("images per second", "train/images_per_second"),
            lines("gradient norm", "train/gradient_norm"),
            lines("learning rate", "train/lr"),
        ],
    }
    return ws.Workspace(
        entity=entity,
        project=project,
        name=name,
        sections=[ws.Section(name=k, panels=v, is_open=True) for k, v in sections.items()],
    )


def serialise(made: Any) -> str:
    """The workspace as the JSON that W&B stores."""
    view = made._to_model().model_dump(by_alias=True, exclude_none=True, mode="json")
    return json.dumps(view, indent=2)
