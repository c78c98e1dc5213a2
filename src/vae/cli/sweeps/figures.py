"""What a sweep found, as pictures: a setting against the ELBO, and the rate-distortion plane."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vae.cli.sweeps.groups import Group


def against(groups: Sequence[Group], name: str, measure: str) -> Figure:
    """A measure against a swept setting, with the deviation over the seeds.

    Arguments:
        groups: The groups.
        name: The setting; numbers lie on an axis (a logarithmic one, if they span more than a
            factor of 10), words side by side.
        measure: "elbo", or another estimate that every group has.
    """
    figure = Figure(figsize=(5.6, 4), layout="constrained")
    axes = figure.subplots()
    values = [g.swept[name] for g in groups]
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    others = list(dict.fromkeys(_others(g, name) for g in groups))
    words = list(dict.fromkeys(map(str, values)))
    for other in others:
        some = [g for g in groups if _others(g, name) == other]
        if numeric:
            some.sort(key=lambda g: g.swept[name])
        at = [g.swept[name] if numeric else words.index(str(g.swept[name])) for g in some]
        error = [0 if math.isnan(d := g.deviation(measure)) else d for g in some]
        mean = [g.mean(measure) for g in some]
        style = "o-" if numeric else "o"
        axes.errorbar(at, mean, error, fmt=style, capsize=3, markersize=4, label=other or None)
    if not numeric:
        axes.set_xticks(range(len(words)), words, rotation=20)
    elif min(values) > 0 and max(values) > 10 * min(values):
        axes.set_xscale("log")
    elif all(isinstance(v, int) for v in values):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    unit = "bits per dimension" if measure == "bits_per_dim" else "nats per image"
    axes.set(xlabel=name, ylabel=f"test {measure} ({unit})")
    axes.grid(alpha=0.3)
    if 1 < len(others) <= 12:
        axes.legend(fontsize=7)
    return figure


def _others(group: Group, name: str) -> str:
    return ", ".join(f"{k}={v}" for k, v in group.swept.items() if k != name)


def scatter(groups: Sequence[Group], one: str, other: str) -> Figure:
    """Two measures against each other: a point for each job, a colour for each group.

    Arguments:
        groups: The groups.
        one: The measure on the horizontal axis.
        other: The measure on the vertical axis.
    """
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.subplots()
    for g in groups:
        x, y = ([j.measure(name) for j in g.jobs] for name in (one, other))
        axes.plot(x, y, "o", markersize=5, alpha=0.8, label=g.label)
    axes.set(xlabel=f"test {one}, nats per image", ylabel=other)
    axes.grid(alpha=0.3)
    if len(groups) <= 12:
        axes.legend(fontsize=8)
    return figure


def plane(groups: Sequence[Group]) -> Figure:
    r"""The rate-distortion plane: the groups, lines of equal ELBO, and the frontier.

    .. math:: R = KL(q(z|x) || p(z)), \quad D = -E_q[\log p(x|z)], \quad ELBO = -(R + D)

    The frontier joins those that no other beats in both.

    Arguments:
        groups: The groups, each with a rate and a distortion.

    References:
        Fixing a Broken ELBO (Alemi et al., 2018), figure 3
    """
    groups = [g for g in groups if not math.isnan(g.mean("rate") + g.mean("distortion"))]
    rate = np.array([g.mean("rate") for g in groups])
    distortion = np.array([g.mean("distortion") for g in groups])
    figure = Figure(figsize=(6.4, 5.2), layout="constrained")
    axes = figure.subplots()
    for g in groups:
        axes.plot(
            [j.measure("rate") for j in g.jobs],
            [j.measure("distortion") for j in g.jobs],
            "o",
            color="0.7",
            markersize=3,
        )
    order = frontier(rate.tolist(), distortion.tolist())
    axes.plot(rate[order], distortion[order], "-", color="C0", linewidth=1.5, label="frontier")
    axes.plot(rate, distortion, "o", color="C0", markersize=5)
    for g, r, d in zip(groups, rate, distortion, strict=True):
        text = ", ".join(f"{k.rpartition('.')[2]}={v}" for k, v in g.swept.items())
        axes.annotate(text, (r, d), xytext=(6, 4), textcoords="offset points", fontsize=7)
    best = int(np.argmin(rate + distortion))
    axes.axline(
        (rate[best], distortion[best]),
        slope=-1,
        color="0.5",
        linestyle="--",
        linewidth=1,
        label=f"ELBO {-(rate[best] + distortion[best]):.2f}",
    )
    axes.set(xlabel="rate (nats per image)", ylabel="distortion (nats per image)")
    axes.margins(0.12)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def frontier(rate: Sequence[float], distortion: Sequence[float]) -> list[int]:
    """The points that no other beats in rate and distortion both, by rising rate."""
    order = sorted(range(len(rate)), key=lambda i: (rate[i], distortion[i]))
    kept: list[int] = []
    for i in order:
        if not kept or distortion[i] < distortion[kept[-1]]:
            kept.append(i)
    return kept
