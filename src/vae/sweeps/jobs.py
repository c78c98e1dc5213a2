"""The jobs of a sweep, read from their directories: any launcher leaves the same."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from vae.nested import flat, moved
from vae.pages.page import read_json

# the test's columns in sweep.csv, those of them with a standard error twice
MEASURES = ("elbo", "rate", "distortion", "log_px", "bits_per_dim")


@dataclass
class Job:
    """A job of a sweep.

    Arguments:
        name: Its directory's name.
        directory: Its directory.
        settings: Its config, by dotted names; a choice is a word under its group's name.
        results: What its results.json holds; None if it has none.
        swept: The settings that differ among the jobs of its sweep.
    """

    name: str
    directory: Path
    settings: dict[str, Any]
    results: Mapping[str, Any] | None
    swept: dict[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """finished, pruned or failed (which also means: interrupted, or still running)."""
        if self.results is None or not self.results.get("complete"):
            return "failed"
        return "pruned" if self.results.get("pruned") else "finished"

    @property
    def score(self) -> float:
        """What jobs are ranked by: the higher, the better; nan without one."""
        score = None if self.results is None else self.results.get("score")
        return math.nan if score is None else float(score)

    def measure(self, name: str) -> float:
        """A test estimate; nan without one."""
        test = {} if self.results is None else self.results["test"]
        return float(test[name]["value"]) if name in test else math.nan

    @property
    def group(self) -> tuple[Any, ...]:
        """What jobs that differ in their seed alone share."""
        return tuple(str(v) for k, v in self.swept.items() if k != "seed")


def read_jobs(directory: Path) -> list[Job]:
    """The jobs of a sweep, in their order.

    Arguments:
        directory: The sweep's directory.
    """
    paths = sorted(directory.glob("*/config.yaml"), key=lambda p: _order(p.parent.name))
    jobs = []
    for path in paths:
        config = yaml.safe_load(path.read_text())
        settings = _words(moved(config, str(config["run_dir"]), "."))
        results = read_json(path.parent / "results.json")
        jobs.append(Job(path.parent.name, path.parent, settings, results))
    names = {name: None for job in jobs for name in job.settings}
    # told by each job's own directory, or of no weight for what it computes
    aside = ("run_dir", "resume", "logger.", "callbacks.pruner")
    for name in names:
        values = [job.settings.get(name) for job in jobs]
        if any(v != values[0] for v in values) and not name.startswith(aside):
            for job in jobs:
                job.swept[name] = job.settings.get(name)
    for job in jobs:
        job.swept = _without_details(job.swept)
    return jobs


def _order(name: str) -> tuple[int, str]:
    return (int(name) if name.isdigit() else 10**9, name)


def _words(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings by dotted names, where a class is the word that chooses it."""
    settings = {}
    for name, value in flat(config).items():
        if name.endswith("._target_"):
            module, _, kind = str(value).rpartition(".")
            settings[name.removesuffix("._target_").replace(".", "/")] = (
                module.rpartition(".")[2] if value.startswith("vae.") else kind
            )
        else:
            settings[name] = value
    return settings


def _without_details(swept: dict[str, Any]) -> dict[str, Any]:
    """Where a choice differs, its own settings differ with it and need no column."""
    choices = [name.replace("/", ".") + "." for name in swept if "/" in name]
    return {k: v for k, v in swept.items() if not any(k.startswith(c) for c in choices)}


def write_csv(jobs: Sequence[Job], path: Path) -> None:
    """Write a row for each job: its name, state, swept settings, estimates, time and command."""
    swept = list(jobs[0].swept) if jobs else []
    columns = ["job", "state", *swept, "score"]
    for name in MEASURES:
        columns += [name, f"{name}_standard_error"]
    columns += ["active_units", "seconds", "images_per_second", "command"]
    with path.open("w", newline="") as f:
        table = csv.DictWriter(f, columns)
        table.writeheader()
        for job in jobs:
            row = {"job": job.name, "state": job.state, "score": job.score, **job.swept}
            if results := job.results:
                for name in MEASURES:
                    if estimate := results["test"].get(name):
                        row[name] = estimate["value"]
                        row[f"{name}_standard_error"] = estimate["standard_error"]
                row["active_units"] = results["latents"].get("active_units")
                row |= {
                    k: (results["train"] or {}).get(k) for k in ("seconds", "images_per_second")
                }
                row["command"] = results["command"]
            table.writerow(row)
