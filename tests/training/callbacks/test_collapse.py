import csv

import pytest

from vae.training.loop import train

pytestmark = pytest.mark.slow

DEAD = ("objective=beta", "objective.beta=1e6", "optimizer.lr=0.01", "trainer.max_epochs=4")


def rows(result):
    with (result.directory / "metrics.csv").open() as f:
        return [row for row in csv.DictReader(f) if row["val/elbo"]]


def test_a_collapse_is_warned_of_with_what_helps(tiny, capsys):
    result = train(tiny(*DEAD, "model.latent_dim=3", "callbacks.collapse.steps=50", steps=20))
    said = capsys.readouterr().out.splitlines()
    line, note = [x for x in said if x.startswith(("warning: ", "note: "))]
    assert line.startswith("warning: posterior collapse: none of the 3 dimensions")
    assert note.startswith("note: 3 of 3 dimensions of z have collapsed (0, 1, 2); ")
    for word in ("objective=free_bits", "objective/schedule=linear", "model.latent_dim"):
        assert word in line
    assert float(rows(result)[-1]["val/active_units"]) == 0


def test_a_short_run_is_still_waking_up(tiny, capsys):
    train(tiny(*DEAD, "model.latent_dim=3", "trainer.num_sanity_val_steps=1", steps=20))
    assert "collapse" not in capsys.readouterr().out


def test_collapsed_dimensions_are_named_at_the_end(tiny, capsys):
    words = ("model.latent_dim=8", "objective=beta", "objective.beta=20", "optimizer.lr=0.003")
    result = train(tiny(*words, "trainer.max_epochs=3", "data.batch_size=64", steps=150))
    active = float(rows(result)[-1]["val/active_units"])
    assert 0 < active < 8
    (line,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("note: ")]
    assert f"note: {8 - int(active)} of 8 dimensions of z have collapsed (" in line
    variances = result.results.latents.variance
    for d in (d for d in range(8) if variances[d] < 0.005):
        assert str(d) in line.partition("(")[2].partition(")")[0].split(", ")


@pytest.mark.parametrize(("classes", "named"), [(512, True), (4, False)])
def test_codes_that_are_hardly_used_are_named(tiny, capsys, classes, named):
    words = ("model/posterior=vq", "model/prior=uniform", "model.latent_dim=2")
    train(
        tiny(*words, f"model.posterior.classes={classes}", "callbacks.collapse.steps=20", steps=20)
    )
    said = [x for x in capsys.readouterr().out.splitlines() if "classes of the codes" in x]
    assert len(said) == named
    if named:
        assert "of 512 classes of the codes are hardly used (perplexity " in said[0]
        assert "model.posterior.revive" in said[0]


def test_a_healthy_model_is_left_in_peace(tiny, capsys):
    result = train(
        tiny("model.latent_dim=2", "trainer.max_epochs=2", "optimizer.lr=3e-3", steps=100)
    )
    out = capsys.readouterr().out
    assert "collapse" not in out
    for row in rows(result):
        rates = [float(row[f"val/rate_of/{d:03}"]) for d in range(2)]
        assert abs(sum(rates) - float(row["val/rate"])) < 1e-3 * abs(sum(rates))


def test_without_validation_there_is_nothing_to_watch(tiny, capsys):
    train(tiny("data.val_size=0"))
    assert "collapse" not in capsys.readouterr().out
