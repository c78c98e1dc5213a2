"""Jobs that differ in their seed alone, taken together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae.cli.sweeps.jobs import MEASURES, SCORES, Job


@dataclass
class Group:
    """Some jobs with the same settings but for the seed.

    Arguments:
        swept: The settings in which it differs from the other groups.
        jobs: The finished jobs.
    """

    swept: dict[str, Any]
    jobs: list[Job]

    def mean(self, name: str) -> float:
        """The mean over the seeds of a test estimate, or of the score."""
        values = self._values(name)
        return float(np.mean(values)) if values else math.nan

    def deviation(self, name: str) -> float:
        """The standard deviation over the seeds; nan for a single seed."""
        values = self._values(name)
        return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan

    def _values(self, name: str) -> list[float]:
        found = [job.score if name == "score" else job.measure(name) for job in self.jobs]
        return [value for value in found if not math.isnan(value)]

    @property
    def label(self) -> str:
        """The settings in words."""
        return ", ".join(f"{k}={v}" for k, v in self.swept.items()) or "all"


def group(jobs: Sequence[Job]) -> list[Group]:
    """The groups of the finished jobs, in the order of their first."""
    groups: dict[tuple[Any, ...], Group] = {}
    for job in jobs:
        if job.state == "finished":
            swept = {k: v for k, v in job.swept.items() if k != "seed"}
            groups.setdefault(job.group, Group(swept, [])).jobs.append(job)
    return list(groups.values())


def measured(groups: Sequence[Group]) -> list[str]:
    """The estimates that any group has."""
    return [m for m in (*MEASURES, *SCORES) if not all(math.isnan(g.mean(m)) for g in groups)]


def best(jobs: Sequence[Job]) -> Job | None:
    """The finished job with the highest score."""
    finished = [j for j in jobs if j.state == "finished" and not math.isnan(j.score)]
    return max(finished, key=lambda j: j.score, default=None)
