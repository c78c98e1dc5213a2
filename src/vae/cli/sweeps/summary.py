"""What stands at the end of a sweep: sweep.csv, a table, the best command, figures and a page."""

import math
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from vae.cli.sweeps.figures import against, plane, scatter
from vae.cli.sweeps.groups import Group, best, group, measured
from vae.cli.sweeps.jobs import SCORES, Job, read_jobs, write_csv
from vae.reporting.pages.page import picture, write
from vae.reporting.tables import LABELS, console


def summarise(directory: Path) -> list[Job]:
    """Write sweep.csv, figures and report.html into a sweep's directory, and print the table.

    Arguments:
        directory: The sweep's directory; whatever launcher ran its jobs.

    Returns:
        The jobs; none if the directory holds none.
    """
    jobs = read_jobs(directory)
    if not jobs:
        return jobs
    write_csv(jobs, directory / "sweep.csv")
    groups = group(jobs)
    names = measured(groups) or ["score"]
    print_table(groups, names, jobs)
    figures = draw(groups, names, directory / "pictures")
    first = best(jobs)
    print_line = console().print
    if first is not None and first.results is not None:
        print_line(f"best: job {first.name}, score {first.score:.2f}", soft_wrap=True)
        print_line(f"  {first.results.command or first.directory}", soft_wrap=True)
    count = {s: sum(j.state == s for j in jobs) for s in ("finished", "pruned", "failed")}
    told = ", ".join(f"{n} {state}" for state, n in count.items() if n)
    print_line(f"sweep directory: {directory} ({told})", soft_wrap=True)
    write(
        directory / "report.html",
        "sweep.html",
        title=f"Sweep of {len(jobs)} jobs",
        directory=str(directory),
        jobs=jobs,
        groups=groups,
        measures=names,
        swept=list(jobs[0].swept),
        best=first,
        count=count,
        figures=[(path.stem, picture(path)) for path in figures],
    )
    return jobs


def print_table(groups: Sequence[Group], names: Sequence[str], jobs: Sequence[Job]) -> None:
    """Print the mean and the deviation over the seeds of each combination of settings."""
    table = Table(title=f"sweep of {len(jobs)} jobs: test set", title_justify="left")
    swept = list(groups[0].swept) if groups else []
    for name in swept:
        table.add_column(name)
    table.add_column("seeds", justify="right")
    for name in names:
        table.add_column(LABELS.get(name, name), justify="right")
    for g in groups:
        cells = [
            _with_deviation(g.mean(n), g.deviation(n), 4 if n in ("bits_per_dim", *SCORES) else 2)
            for n in names
        ]
        table.add_row(*(str(g.swept[n]) for n in swept), str(len(g.jobs)), *cells)
    console().print(table)


def _with_deviation(mean: float, deviation: float, digits: int) -> str:
    more = "" if math.isnan(deviation) else f" ± {deviation:.{digits}f}"
    return f"{mean:.{digits}f}{more}"


def draw(groups: Sequence[Group], names: Sequence[str], folder: Path) -> list[Path]:
    """Draw the figures that the settings and the measures allow."""
    figures = {}
    measure = "elbo" if "elbo" in names else names[0]
    if len(groups) > 1:
        for name in groups[0].swept:
            figures[f"{measure}_by_{name.replace('/', '.')}"] = against(groups, name, measure)
        shapes = any(
            w in name for name in groups[0].swept for w in ("beta", "latent_dim", "capacity")
        )
        if shapes and {"rate", "distortion"} <= set(names):
            figures["rate_distortion"] = plane(groups)
    if {measure, SCORES[0]} <= set(names):
        figures[f"{measure}_against_mig"] = scatter(groups, measure, SCORES[0])
    if figures:
        folder.mkdir(exist_ok=True)
    paths = []
    for name, figure in figures.items():
        paths.append(folder / f"{name}.png")
        figure.savefig(paths[-1], dpi=100)
    return paths
