"""Measure named experiments, and write what docs, README and their headers say of them.

    python benchmarks/results.py measure burda_vae_2 hvae --samples 5000 --finetune 100
    python benchmarks/results.py measure mnist_bernoulli --seeds 0 1 2
    python benchmarks/results.py measure burda_vae --set trainer.max_epochs=400
    python benchmarks/results.py measure vqvae_mnist --fit-prior transformer --fid 10000
    python benchmarks/results.py write

`measure` trains and evaluates each experiment with each seed; what was begun before goes on, and
what is done is not repeated. docs/results.json keeps one row for each; one with other settings
than the experiment's own is a row of its own. `write` makes the table in docs/results.md, the rows
of README's and the experiments' header lines from that file.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
from pathlib import Path

from vae.runs.results import Results, read_results
from vae.runs.sections import Reconstructions

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "docs" / "results.json"
BEGIN, END = "<!-- benchmarks/results.py -->", "<!-- end -->"
COLUMNS = (
    "experiment | published | log p(x) | fitted | ELBO | accuracy | FID | active units | training"
)
# of reconstructions, and how many decimals each has
PICTURES = {"psnr": 2, "ssim": 4, "rfid": 2}


def main() -> None:
    """Measure or write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["measure", "write"])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--finetune", type=int, default=0)
    parser.add_argument("--fid", type=int, default=0)
    parser.add_argument("--set", nargs="+", default=[], metavar="OPTION=VALUE")
    parser.add_argument("--fit-prior", default="", metavar="PRIOR")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=Path, default=ROOT / "outputs" / "results")
    given = parser.parse_args()
    if given.what == "write":
        for path, text in pages(json.loads(KEPT.read_text())).items():
            path.write_text(text)
    for name in given.names if given.what == "measure" else ():
        for seed in given.seeds:
            measure(name, seed, given)


def measure(name: str, seed: int, given: argparse.Namespace) -> None:
    """Train and evaluate one experiment with one seed, and keep its row."""
    key = " ".join([name, *given.set])
    folder = given.runs / re.sub(r"[^\w.]+", "-", key)
    run, out = folder / str(seed), folder / f"{seed}-evaluation{given.fit_prior}"
    train = [f"experiment={name}", f"seed={seed}", f"run_dir={run}", f"threads={given.threads}"]
    call("vae.train", *train, *given.set, "resume=auto")
    tested = run
    if given.fit_prior:
        key += f" fit_prior={given.fit_prior}"
        tested = run / "checkpoints" / f"{given.fit_prior}.ckpt"
        if not tested.exists():
            call("vae.fit_prior", f"run={run}", f"model/prior={given.fit_prior}")
    if read_results(out) is None:
        samples = [f"num_samples={given.samples}", f"finetune={given.finetune}"]
        call("vae.evaluate", f"run={tested}", *samples, f"fid={given.fid}", f"out={out}")
    found, trained = read_results(out), read_results(run)
    assert found is not None
    assert trained is not None
    rows = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    rows.setdefault(key, {})[str(seed)] = row(found, trained.reconstructions) | {
        "commit": commit(),
        "name": name,
        "threads": trained.threads,
    }
    KEPT.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n")


def call(module: str, *words: str) -> None:
    """Run a command of this package; its failure is ours."""
    subprocess.run([sys.executable, "-m", module, *words], check=True, cwd=ROOT)


def commit() -> str:
    """The commit that was measured, with a star if files differ from it."""

    def git(*words: str) -> str:
        return subprocess.check_output(["git", *words], cwd=ROOT, text=True).strip()

    # the rows that were kept meanwhile change nothing
    changed = git("status", "--porcelain", "--", ".", f":!{KEPT.relative_to(ROOT)}")
    return git("rev-parse", "--short=7", "HEAD") + ("*" if changed else "")


def row(found: Results, images: Reconstructions | None) -> dict[str, object]:
    """What is kept of an evaluation, and of the reconstructions of the run's own test."""
    assert found.train is not None
    assert found.latents is not None
    units = [layer.active_units for layer in found.latents.layers or [found.latents]]
    estimates = {
        name: {"value": e.value, "standard_error": e.standard_error, "num_samples": e.num_samples}
        for name, e in found.test.items()
    }
    if found.samples is not None:
        fid = found.samples.fid
        estimates["fid"] = {"value": fid.value, "standard_error": fid.standard_error}
    for name in PICTURES if images else ():
        if (of := getattr(images, name)) is not None:
            estimates[name] = {"value": of.value, "standard_error": of.standard_error}
    codes = found.latents.codes
    return {
        "test": estimates,
        "active_units": units,
        "code_perplexity": codes and codes.perplexity,
        "epochs": found.train.epochs,
        "seconds": found.train.seconds,
        "threads": found.threads,
        "condition": found.condition,
    }


def over(seeds: dict[str, dict], name: str, digits: int = 2) -> str:
    """An estimate ± over images; of several seeds, their mean ± their standard deviation."""
    found = [s["test"][name] for s in seeds.values() if name in s["test"]]
    if not found:
        return ""
    values = [e["value"] for e in found]
    if len(values) == 1:
        return f"{values[0]:.{digits}f} ± {found[0]['standard_error']:.{digits}f}"
    spread = statistics.stdev(values)
    error = statistics.mean(e["standard_error"] for e in found)
    return (
        f"{statistics.mean(values):.{digits}f} ± {spread:.{digits}f} over {len(values)} seeds "
        f"(± {error:.{digits}f} over images)"
    )


def log_px(seeds: dict[str, dict]) -> str:
    """Its estimate, and by how many samples; nothing of an autoencoder."""
    test = next(iter(seeds.values()))["test"]
    if "log_px" not in test:
        return ""
    bits = over(seeds, "bits_per_dim", 3)
    found = f"{over(seeds, 'log_px')} (k = {test['log_px']['num_samples']:,})"
    return found + (f"; {bits} bits/dim" if bits else "")


def table(rows: dict[str, dict[str, dict]]) -> str:
    """The table of docs/results.md."""
    lines = [f"| {COLUMNS} |", "|---" * (COLUMNS.count("|") + 1) + "|"]
    for name, seeds in sorted(rows.items()):
        first = next(iter(seeds.values()))
        if "psnr" in first["test"]:
            continue
        units = "; ".join(carried(s) for s in seeds.values())
        seconds = max(s["seconds"] for s in seeds.values())
        commits = ", ".join(sorted({s["commit"] for s in seeds.values()}))
        cells = [
            " ".join(f"`{word}`" for word in name.split()),
            "" if other_model(name) else published(name.partition(" ")[0]).replace("|", "\\|"),
            log_px(seeds),
            over(seeds, "log_px_finetuned"),
            over(seeds, "elbo"),
            over(seeds, "accuracy", 4),
            over(seeds, "fid"),
            units,
            f"{first['epochs']} epochs, {seconds:,.0f} s, threads={first['threads']}, {commits}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def pictures(rows: dict[str, dict[str, dict]]) -> str:
    """The table of autoencoders of pictures, on the same page."""
    lines = ["| experiment | PSNR, decibels | SSIM | rFID | FID | training |", "|---" * 6 + "|"]
    for name, seeds in sorted(rows.items()):
        first = next(iter(seeds.values()))
        if "psnr" in first["test"]:
            found = [over(seeds, score, digits) for score, digits in PICTURES.items()]
            time = f"{first['epochs']} epochs, {first['seconds']:,.0f} s, {first['commit']}"
            words = " ".join(f"`{word}`" for word in name.split())
            lines.append(f"| {words} | {' | '.join(found)} | {over(seeds, 'fid')} | {time} |")
    return "\n".join(lines)


def carried(row: dict) -> str:
    """The active units of each layer, and of codes how many classes are taken as if alike."""
    units = " + ".join(map(str, row["active_units"]))
    codes = row.get("code_perplexity")
    return units if codes is None else f"{units}, code perplexity {codes:.1f}"


def other_model(key: str) -> bool:
    """Whether a row is of another model, prior or objective than its experiment's own."""
    return any(word.startswith(("model", "objective", "fit_prior=")) for word in key.split()[1:])


def published(name: str) -> str:
    """The number in the experiment's header, if there is one."""
    text = (ROOT / "conf" / "experiment" / f"{name}.yaml").read_text()
    found = re.search(r"^# Published: (?:log p\(x\) )?(.*?)(?:[,:;]| \()", text, re.MULTILINE)
    return found.group(1) if found else ""


def header(text: str, seeds: dict[str, dict]) -> str:
    """An experiment's file with the lines of its numbers made new."""
    first = next(iter(seeds.values()))
    numbers = ", ".join(seeds)
    bound = f"{over(seeds, 'elbo')} nats"
    if "elbo" not in first["test"]:
        bound = f"none: an autoencoder; distortion {over(seeds, 'distortion')} nats"
    px = f"log p({'x|c' if first.get('condition') else 'x'}) {log_px(seeds)}"
    right, fid = over(seeds, "accuracy", 4), over(seeds, "fid")
    lines = [
        f"# Time: {max(s['seconds'] for s in seeds.values()):,.0f} s to train, "
        f"threads={first['threads']}, commit {first['commit']}",
        f"# Test ELBO: {bound}; "
        + (f"{px}; " if log_px(seeds) else "")
        + (f"accuracy {right}; " if right else "")
        + (f"FID {fid} in own features; " if fid else "")
        + f"seed {numbers}",
    ]
    lines = [line.replace("±", "+-") for line in lines]
    kept = [t for t in text.splitlines() if not t.startswith(("# Time:", "# Test ELBO:"))]
    at = next(i for i, t in enumerate(kept) if t.startswith("# Command:")) + 1
    return "\n".join([*kept[:at], *lines, *kept[at:]]) + "\n"


def pages(rows: dict[str, dict[str, dict]]) -> dict[Path, str]:
    """Every file that quotes these numbers, as it should read."""
    page, readme = ROOT / "docs" / "results.md", ROOT / "README.md"
    text = page.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    found: dict[Path, str] = {}
    quoted = {
        page: f"{before}{BEGIN}\n{table(rows)}\n\n{pictures(rows)}\n{END}{after}",
        readme: readme.read_text(),
    }
    for name, seeds in rows.items():
        if " " in name:
            # an experiment's header and README's row are of its own settings
            continue
        path = ROOT / "conf" / "experiment" / f"{name}.yaml"
        found[path] = header(path.read_text(), seeds)
        cells = [over(seeds, "elbo"), log_px(seeds)]
        seconds = max(s["seconds"] for s in seeds.values())
        # a row of four cells; those of papers have more
        line = rf"^(\| `{name}`[^|]*\|)[^|]*\|[^|]*\|[^|]*\|$"
        new = rf"\1 {cells[0]} | {cells[1]} | {seconds:,.0f} s |"
        quoted = {p: re.sub(line, new, t, flags=re.MULTILINE) for p, t in quoted.items()}
    return found | quoted


if __name__ == "__main__":
    main()
