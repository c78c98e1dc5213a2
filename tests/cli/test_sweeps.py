"""The end of a sweep: what its jobs say together."""

import csv
import html
import json
import math
from pathlib import Path

import pytest
import yaml
from PIL import Image

from tests.commands import FAST
from vae.cli.command import compose
from vae.cli.sweeps.figures import frontier
from vae.cli.sweeps.groups import best, group
from vae.cli.sweeps.jobs import read_jobs
from vae.cli.sweeps.summary import summarise
from vae.config.groups import config_dir
from vae.config.nested import moved
from vae.metrics.estimate import Estimate
from vae.runs.results import read_results, write_results
from vae.runs.sections import Result

pytestmark = pytest.mark.slow

QUICK = [*FAST, "data=digits", "data.val_size=100"]


def test_a_frontier_holds_those_that_no_other_beats():
    rate, distortion = [0.0, 1.0, 2.0, 2.0, 3.0], [9.0, 5.0, 6.0, 4.0, 4.0]
    assert frontier(rate, distortion) == [0, 1, 3]


VERSION_1 = Path(__file__).parents[1] / "runs" / "version_1"


def write_job(folder, name, config, elbo=None):
    directory = folder / name
    directory.mkdir(parents=True)
    config = {"run_dir": "none"} | config
    config = moved(config, config["run_dir"], str(directory))
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    if elbo is not None:
        test = {"elbo": Result.of(Estimate(elbo, 0.1, 10), 1)}
        new = {"score": elbo, "test": test, "command": f"run {name}"}
        write_results(read_results(VERSION_1).model_copy(update=new), directory)


def test_jobs_that_differ_in_their_seed_are_a_group(tmp_path):
    for i, (beta, seed, elbo) in enumerate([(1, 0, -90), (1, 1, -92), (2, 0, -95), (2, 1, None)]):
        config = {"seed": seed, "objective": {"beta": beta}, "same": 3}
        write_job(tmp_path, str(i), config, elbo)
    jobs = read_jobs(tmp_path)
    assert [j.state for j in jobs] == ["finished"] * 3 + ["failed"]
    assert jobs[1].swept == {"seed": 1, "objective.beta": 1}
    one, two = group(jobs)
    assert (one.mean("elbo"), two.mean("elbo")) == (-91, -95)
    assert one.deviation("elbo") == pytest.approx(math.sqrt(2))
    assert math.isnan(two.deviation("elbo"))
    assert best(jobs).name == "0"


def test_jobs_are_in_the_order_of_their_numbers(tmp_path):
    for i in range(11):
        write_job(tmp_path, str(i), {"seed": i}, -float(i))
    assert [j.name for j in read_jobs(tmp_path)] == [str(i) for i in range(11)]


def test_a_choice_is_one_column_by_its_word(tmp_path):
    for word in ("bernoulli", "gaussian"):
        write_job(tmp_path, word, compose(f"model/likelihood={word}"), -1.0)
    swept = [job.swept for job in read_jobs(tmp_path)]
    assert swept == [{"model/likelihood": "bernoulli"}, {"model/likelihood": "gaussian"}]


def test_a_setting_below_a_choice_is_a_column_if_it_was_swept(tmp_path):
    words = [f"model/prior={p}" for p in ("mixture_of_gaussians", "vampprior")]
    for i, word in enumerate(words):
        for count in (10, 100):
            config = compose(word, f"model.prior.components={count}")
            write_job(tmp_path, f"{i}{count}", config, -1.0)
    swept = [job.swept for job in read_jobs(tmp_path)]
    assert {frozenset(s) for s in swept} == {frozenset({"model/prior", "model.prior.components"})}
    assert len(group(read_jobs(tmp_path))) == 4


def test_a_top_level_choice_is_one_column(tmp_path):
    for word in ("elbo", "iwae"):
        write_job(tmp_path, word, compose(f"objective={word}"), -1.0)
    assert [job.swept for job in read_jobs(tmp_path)] == [
        {"objective": "elbo"},
        {"objective": "iwae"},
    ]


def test_a_job_without_a_finite_value_does_not_spoil_the_others(tmp_path):
    for i, elbo in enumerate((-90.0, -91.0)):
        write_job(tmp_path, str(i), {"seed": 0, "objective": {"beta": i}}, elbo)
    path = tmp_path / "1" / "results.json"
    results = json.loads(path.read_text())
    results["score"] = results["test"]["elbo"]["value"] = None
    path.write_text(json.dumps(results | {"seed": 0}))
    jobs = summarise(tmp_path)
    assert [j.name for j in jobs] == ["0", "1"]
    assert best(jobs).name == "0"
    assert (tmp_path / "report.html").exists()


def test_jobs_of_other_names_are_in_the_same_sweep(cli, tmp_path):
    code, out, err = cli("-m", "experiment=mnist_bernoulli,basics", *FAST, "callbacks.panels=null")
    assert code == 0, err
    (sweep,) = tmp_path.glob("multirun/*/*")
    assert "(2 finished)" in out
    names = [json.loads((sweep / n / "results.json").read_text())["name"] for n in "01"]
    assert names == ["mnist_bernoulli", "basics"]


def test_a_sweep_leaves_a_table_the_best_command_figures_and_a_page(cli, tmp_path):
    words = ["-m", "objective=beta", "objective.beta=0.5,2", "seed=0,1", *QUICK]
    code, out, err = cli(*words, "hydra.sweep.dir=sweep")
    assert code == 0, err
    sweep = tmp_path / "sweep"
    with (sweep / "sweep.csv").open() as f:
        rows = list(csv.DictReader(f))
    assert [(r["objective.beta"], r["seed"]) for r in rows] == [
        ("0.5", "0"),
        ("0.5", "1"),
        ("2", "0"),
        ("2", "1"),
    ]
    for row in rows:
        results = json.loads((sweep / row["job"] / "results.json").read_text())
        assert float(row["elbo"]) == results["test"]["elbo"]["value"]
        assert float(row["score"]) == results["score"]
    top = max(rows, key=lambda r: float(r["score"]))
    assert f"best: job {top['job']}" in out
    assert top["command"] in out
    assert "(4 finished)" in out
    assert "±" in out
    for name in ("elbo_by_objective.beta", "rate_distortion"):
        with Image.open(sweep / "pictures" / f"{name}.png") as image:
            assert min(image.size) > 300
    page = (sweep / "report.html").read_text()
    assert page.count("report.html") == 4
    assert 'src="data:image/png' in page


def test_a_failing_job_is_counted_and_named(cli, tmp_path):
    words = ["-m", *QUICK, "optimizer.lr=1e-3,1e38,1e-2", "trainer.limit_train_batches=4"]
    code, out, err = cli(*words, "hydra.sweep.dir=sweep")
    assert code == 1
    assert "error: job 1: training stops at a loss that is not finite" in err
    assert "(2 finished, 1 failed)" in out
    assert "Traceback" not in err
    with (tmp_path / "sweep" / "sweep.csv").open() as f:
        errors = [row["error"] for row in csv.DictReader(f)]
    assert errors[0] == errors[2] == ""
    assert errors[1].startswith("training stops at a loss that is not finite")
    assert errors[1] in html.unescape((tmp_path / "sweep" / "report.html").read_text())


def test_an_experiment_may_be_a_sweep(cli, tmp_path):
    """And the command of one of its jobs runs that job alone."""
    words = ["experiment=mnist_rate_distortion", *QUICK]
    code, _, err = cli(*words, "objective.beta=1,4", "seed=3", "hydra.sweep.dir=sweep")
    assert code == 0, err
    results = json.loads((tmp_path / "sweep" / "1" / "results.json").read_text())
    command = results["command"].split()[3:]
    assert "objective.beta=4" in command
    code, _, err = cli(*command, "run_dir=alone")
    assert code == 0, err
    again = json.loads((tmp_path / "alone" / "results.json").read_text())
    assert again["test"] == results["test"]


def test_a_sweep_over_objectives_shows_elbo_against_mig(cli, tmp_path):
    words = ["experiment=shapes_disentanglement", *FAST, "data.positions=4", "data.scales=2"]
    words += ["data.orientations=4", "data.val_size=20", "data.test_share=0.5"]
    words += ["objective=beta,factor_vae", "seed=0", "hydra.sweep.dir=sweep"]
    code, out, err = cli(*words)
    assert code == 0, err
    assert "mig_means_20_bins" in out
    with (tmp_path / "sweep" / "sweep.csv").open() as f:
        rows = list(csv.DictReader(f))
    assert [r["objective"] for r in rows] == ["beta", "factor_vae"]
    # what follows from the objective is no column
    assert list(rows[0])[:4] == ["job", "state", "objective", "score"]
    for row in rows:
        results = json.loads((tmp_path / "sweep" / row["job"] / "results.json").read_text())
        found = results["disentanglement"]["sap_linear_svm"]
        assert float(row["sap_linear_svm"]) == found["value"]
        assert float(row["sap_linear_svm_standard_error"]) == found["standard_error"]
    with Image.open(tmp_path / "sweep" / "pictures" / "elbo_against_mig.png") as image:
        assert len(image.convert("RGB").getcolors(100_000)) > 10


def test_the_wandb_sweep_runs_our_command(cli):
    """What an agent would call for the first point of the grid is a command that composes."""
    sweep = yaml.safe_load((config_dir().parent / "docs" / "wandb_sweep.yaml").read_text())
    chosen = {}
    for name, node in sweep["parameters"].items():
        chosen[name] = node["values"][0] if "values" in node else node.get("min", node.get("value"))
    arguments = [f"{k}={v}" for k, v in chosen.items()]
    command = sweep["command"]
    assert command[:4] == ["${env}", "python", "-m", "vae.train"]
    at = command.index("${args_no_hyphens}")
    words = [*command[4:at], *arguments, *command[at + 1 :]]
    config = compose(*words)
    assert "wandb" in config["logger"]
    assert sweep["metric"] == {"name": "val/elbo", "goal": "maximize"}
    code, _, err = cli(*[w for w in words if not w.startswith("logger")], *QUICK)
    assert code == 0, err
