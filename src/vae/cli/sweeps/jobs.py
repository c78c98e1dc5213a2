"""The jobs of a sweep, read from their directories: any launcher leaves the same."""

import csv
import io
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from vae import files
from vae.config.groups import targets
from vae.config.moved import upgraded
from vae.config.nested import flat, moved
from vae.errors import RunError
from vae.runs.results import Results, read_results
from vae.runs.sections import Result

# the test's columns in sweep.csv, those of them with a standard error twice
MEASURES = ("elbo", "rate", "distortion", "log_px", "bits_per_dim")
# those of the disentanglement scores that stand in the table, too
SCORES = ("mig_means_20_bins", "factor_vae_score")


@dataclass
class Job:
    """A job of a sweep.

    Arguments:
        name: Its directory's name below the sweep's.
        directory: Its directory.
        settings: Its config, by dotted names; a choice is a word under its group's name.
        choices: The settings that are such words.
        results: What its test found; None if there was none.
        swept: The settings that differ among the jobs of its sweep.
    """

    name: str
    directory: Path
    settings: dict[str, Any]
    choices: set[str]
    results: Results | None
    swept: dict[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """finished, pruned or failed (which also means: interrupted, or still running)."""
        if self.results is None or not self.results.complete:
            return "failed"
        return "pruned" if self.results.pruned else "finished"

    @property
    def error(self) -> str:
        """Why it failed; nothing if it did not, or was interrupted."""
        path = self.directory / "error.txt"
        return path.read_text().strip() if self.state == "failed" and path.is_file() else ""

    @property
    def score(self) -> float:
        """What jobs are ranked by: the higher, the better; nan without one."""
        return math.nan if self.results is None else self.results.score

    @property
    def estimates(self) -> dict[str, Result]:
        """The test's estimates and the disentanglement scores, by name."""
        if self.results is None:
            return {}
        return {**self.results.test, **(self.results.disentanglement or {})}

    def measure(self, name: str) -> float:
        """A test estimate or a score; nan without one."""
        found = self.estimates.get(name)
        return math.nan if found is None else found.value

    @property
    def group(self) -> tuple[Any, ...]:
        """What jobs that differ in their seed alone share."""
        return tuple(str(v) for k, v in self.swept.items() if k != "seed")


def read_jobs(directory: Path) -> list[Job]:
    """The jobs of a sweep, in their order.

    Arguments:
        directory: The sweep's directory.
    """
    names_ = [path.relative_to(directory).as_posix() for path in _folders(directory)]
    jobs = []
    for name in sorted(names_, key=_order):
        config = yaml.safe_load((directory / name / "config.yaml").read_text())
        settings, choices = _words(moved(upgraded(config), str(config["run_dir"]), "."))
        results = _results(directory / name)
        jobs.append(Job(name, directory / name, settings, choices, results))
    names = {name: None for job in jobs for name in job.settings}
    # told by each job's own directory, or of no weight for what it computes
    aside = ("run_dir", "resume", "logger.", "callbacks.pruner")
    for name in names:
        values = [job.settings.get(name) for job in jobs]
        if any(v != values[0] for v in values) and not name.startswith(aside):
            for job in jobs:
                job.swept[name] = job.settings.get(name)
    for choice in [name for name in names if any(name in job.choices for job in jobs)]:
        _leave_out_details(jobs, choice, choice.replace("/", ".") + ".")
    # an experiment is a choice of everything
    _leave_out_details(jobs, "name", "")
    return jobs


def _folders(directory: Path) -> Iterator[Path]:
    """The run directories below a folder, however deep; what is inside one is the run's own."""
    for folder, below, names in os.walk(directory):
        if "config.yaml" in names and Path(folder) != directory:
            yield Path(folder)
            below.clear()


def _order(name: str) -> tuple[int, str]:
    return (int(name) if name.isdigit() else 10**9, name)


def _words(config: Mapping[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """The settings by dotted names, and those of them that are options which choose a class.

    An option has the name that the command line has for it, for instance optimizer/schedule=cosine.
    """
    settings: dict[str, Any] = {}
    choices: set[str] = set()
    known = targets()
    for name, value in flat(config).items():
        if not name.endswith("._target_"):
            settings[name] = value
            continue
        place = name.removesuffix("._target_").replace(".", "/")
        module, _, kind = str(value).rpartition(".")
        word = module.rpartition(".")[2] if str(value).startswith("vae.") else kind
        group, option = known.get((place, str(value)), (place, word))
        choices.add(group)
        settings[group] = option
    return settings, choices


def _leave_out_details(jobs: Sequence[Job], choice: str, prefix: str) -> None:
    """Settings that only differ because the choice above them does need no column."""
    if not any(choice in job.swept for job in jobs):
        return
    names = {n for job in jobs for n in job.swept if n != choice}
    # an option below it too, for instance objective/schedule
    below = {n for n in names if n.replace("/", ".").startswith(prefix)}
    for name in below:
        values: dict[Any, set[str]] = {}
        for job in jobs:
            values.setdefault(job.settings.get(choice), set()).add(str(job.settings.get(name)))
        if all(len(some) == 1 for some in values.values()):
            for job in jobs:
                job.swept.pop(name, None)


def _results(directory: Path) -> Results | None:
    """A job's results; those that cannot be read leave the job failed, with a warning."""
    try:
        return read_results(directory)
    except RunError as e:
        print(f"warning: {e}", flush=True)
        return None


def write_csv(jobs: Sequence[Job], path: Path) -> None:
    """Write a row for each job: its name, state, swept settings, estimates, time and command."""
    swept = list(jobs[0].swept) if jobs else []
    columns = ["job", "state", *swept, "score"]
    scores = {n for job in jobs if job.results for n in job.results.disentanglement or ()}
    measures = [*MEASURES, *sorted(scores)]
    for name in measures:
        columns += [name, f"{name}_standard_error"]
    columns += ["active_units", "seconds", "images_per_second", "command", "error"]
    with io.StringIO(newline="") as f:
        table = csv.DictWriter(f, columns)
        table.writeheader()
        for job in jobs:
            row = {"job": job.name, "state": job.state, "score": job.score, **job.swept}
            row["error"] = job.error
            if results := job.results:
                for name in measures:
                    if estimate := job.estimates.get(name):
                        row[name] = estimate.value
                        row[f"{name}_standard_error"] = estimate.standard_error
                if results.latents is not None:
                    row["active_units"] = results.latents.active_units
                if train := results.train:
                    row["seconds"] = train.seconds
                    row["images_per_second"] = train.images_per_second
                row["command"] = results.command
            table.writerow(row)
        files.write(path, f.getvalue())
