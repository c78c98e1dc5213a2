"""Tensors to pictures."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from vae import files
from vae.errors import ConfigError


def grid(images: Tensor, columns: int, scale: int = 2, gap: int = 2) -> Image.Image:
    """Images side by side on a white sheet, row by row.

    Arguments:
        images: Values in [0, 1] (others are clipped), with shape (N, C, H, W); one channel is
            drawn grey, three as RGB, and of any other number the mean.
        columns: The number of images in a row.
        scale: How many pixels wide a pixel is drawn.
        gap: The space between images, in drawn pixels.
    """
    if images.shape[1] not in (1, 3):
        images = images.mean(1, keepdim=True)
    _, channels, height, width = images.shape
    height, width = height * scale, width * scale
    rows = math.ceil(len(images) / columns)
    sheet = torch.ones(channels, rows * (height + gap) + gap, columns * (width + gap) + gap)
    drawn = images.clamp(0, 1).repeat_interleave(scale, 2).repeat_interleave(scale, 3).cpu()
    for i, image in enumerate(drawn):
        top = gap + i // columns * (height + gap)
        left = gap + i % columns * (width + gap)
        sheet[:, top : top + height, left : left + width] = image
    pixels = (sheet * 255).round().to(torch.uint8).movedim(0, -1).numpy()
    return Image.fromarray(pixels.squeeze(-1) if channels == 1 else pixels)


def save(image: Image.Image, path: Path) -> None:
    """Write a picture, in the format that its name says, whole or not at all.

    Raises:
        ConfigError: If the name says none.
    """
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind not in Image.SAVE:
        raise ConfigError(
            f"out= must name a picture, for instance {path.with_suffix('.png')}, got {path}."
        )
    files.write(path, lambda f: image.save(f, format=kind))


def curves(metrics: Path) -> Figure:
    """Training and validation ELBO, rate and distortion against the step, under the same axes.

    Arguments:
        metrics: The metrics.csv of a run.
    """
    with metrics.open() as f:
        rows = list(csv.DictReader(f))
    logged = {name.rpartition("/")[2] for row in rows for name, value in row.items() if value}
    parts = [name for name in ("elbo", "rate", "distortion") if name in logged] or ["elbo"]
    figure = Figure(figsize=(4 * len(parts), 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(parts), squeeze=False)[0], parts, strict=True):
        shown: list[float] = []
        for split, style in (("train", "-"), ("val", "o-")):
            points = [
                (int(r["step"]), float(r[f"{split}/{name}"]))
                for r in rows
                if r.get(f"{split}/{name}")
            ]
            if points:
                steps, values = zip(*points, strict=True)
                axes.plot(steps, values, style, label=split, markersize=3, linewidth=1)
                shown += values
        axes.set(xlabel="step", ylabel=f"{name} (nats per image)", title=name)
        if len(shown) > 20:
            # the first steps are far off and would flatten the rest
            low, high = np.quantile(shown, [0.05, 1.0] if name == "elbo" else [0.0, 0.95])
            margin = 0.1 * (high - low) + 1e-9
            axes.set_ylim(low - margin, high + margin)
        axes.grid(alpha=0.3)
        if shown:
            axes.legend()
    return figure


def bars(variance: Sequence[float], rate: Sequence[float] | None, threshold: float) -> Figure:
    """What each latent dimension carries, the largest first.

    Arguments:
        variance: Var_x(E_q[z_d]) of each dimension.
        rate: The rate of each dimension, in nats; None where it has none.
        threshold: The variance above which a dimension is active.
    """
    order = np.argsort(variance if rate is None else rate)[::-1]
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    plots = [("Var(E[z])", np.array(variance)[order])]
    if rate is not None:
        plots.insert(0, ("rate (nats)", np.array(rate)[order]))
    at = np.arange(len(order))
    for axes, (name, values) in zip(
        figure.subplots(1, len(plots), squeeze=False)[0], plots, strict=True
    ):
        axes.bar(at, values, width=0.9)
        axes.set(xlabel="dimension of z", ylabel=name)
        if len(order) <= 50:
            axes.set_xticks(at, [str(d) for d in order], fontsize=6, rotation=90)
        if not name.startswith("rate"):
            axes.axhline(threshold, color="black", linewidth=1, linestyle="--")
            axes.set_yscale("symlog", linthresh=threshold)
    active = int((np.array(variance) > threshold).sum())
    figure.suptitle(f"{active} of {len(order)} dimensions active (variance above {threshold})")
    return figure


def taken(shares: Tensor) -> Figure:
    """How often the classes of codes are taken, the most frequent first.

    Arguments:
        shares: The share of each class among those of a choice, with shape (N, K).
    """
    ordered = -np.sort(-shares.numpy(), axis=1)
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    axes = figure.subplots()
    if len(ordered) == 1:
        axes.bar(np.arange(ordered.shape[1]), ordered[0], width=1.0)
        axes.axhline(1 / ordered.shape[1], color="black", linewidth=1, linestyle="--")
        axes.set(xlabel="class, by its share (dashed: an even share)", ylabel="share")
    else:
        shown = axes.imshow(ordered.T, aspect="auto", interpolation="nearest", vmin=0)
        axes.set(xlabel="choice", ylabel="class, by its share")
        figure.colorbar(shown, label="share")
    return figure


def heat_map(
    rows: Sequence[Sequence[float]], xlabel: str, title: str, part: str = "dimension"
) -> Figure:
    """A value of each latent dimension over time, the largest at the end on top; or each layer.

    Arguments:
        rows: The values at each time, with shape (T, D).
        xlabel: What the times are.
        title: What the values are.
        part: What a row of the picture is: a "dimension", or a "layer", z_1 on top.
    """
    values = np.array(rows).T
    if part == "dimension":
        values = values[np.argsort(values[:, -1])[::-1]]
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    shown = axes.imshow(values, aspect="auto", interpolation="nearest", cmap="viridis", vmin=0)
    axes.set(xlabel=xlabel, ylabel=f"{part} of z", title=title)
    if part == "layer":
        axes.set_yticks(range(len(values)), [f"z_{i + 1}" for i in range(len(values))])
    figure.colorbar(shown)
    return figure


def scatter(z: Tensor, label: Tensor) -> Figure:
    """Latent means in two dimensions, coloured by class.

    Arguments:
        z: The latent means, with shape (N, D); more than two dimensions are projected on their
            two principal components.
        label: The classes, with shape (N,).
    """
    axis = ("z[0]", "z[1]")
    centred = z.double() - z.double().mean(0)
    if z.shape[1] > 2:
        _, _, v = torch.linalg.svd(centred, full_matrices=False)
        centred, axis = centred @ v[:2].T, ("first principal component", "second")
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = figure.subplots()
    points = axes.scatter(
        centred[:, 0], centred[:, 1], c=label.numpy(), cmap="tab10", s=6, linewidths=0
    )
    axes.set(
        xlabel=axis[0], ylabel=axis[1], title="E[z|x] of test images, by class", aspect="equal"
    )
    handles, names = points.legend_elements(num=len(label.unique()))
    axes.legend(handles=handles, labels=names, fontsize=7, loc="upper right")
    return figure
