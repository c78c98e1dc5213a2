"""Tensors to pictures."""

import csv
import math
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor


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


def curves(metrics: Path) -> Figure:
    """Training and validation ELBO, rate and distortion against the step, under the same axes.

    Arguments:
        metrics: The metrics.csv of a run.
    """
    with metrics.open() as f:
        rows = list(csv.DictReader(f))
    logged = {name for row in rows for name, value in row.items() if value}
    parts = [n for n in ("elbo", "rate", "distortion") if f"train/{n}" in logged or f"val/{n}" in logged]
    figure = Figure(figsize=(4 * max(1, len(parts)), 3.6), layout="constrained")
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
