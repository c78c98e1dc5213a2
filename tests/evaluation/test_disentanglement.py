"""Scores of a run, from its own test images."""

import pytest

import vae
from vae.errors import VAEError
from vae.evaluation import disentanglement as scores

WORDS = [
    "data=shapes",
    "data.scales=2",
    "data.orientations=4",
    "data.positions=6",
    "data.size=20",
    "data.test_share=0.5",
    "model.latent_dim=3",
    "model.encoder.hidden=[16]",
    "model.decoder.hidden=[16]",
    "trainer.max_epochs=1",
    "evaluate.num_samples=0",
    "evaluate.surgery=0",
    "evaluate.probe=0",
    "callbacks.pictures=null",
]
QUIET = {"num_samples": 0, "surgery": 0, "probe": 0, "fid": 0, "pictures": 0}


def test_a_run_is_scored_and_says_so(tmp_path, capsys):
    words = [*WORDS, "evaluate.disentanglement=true", "evaluate.dci=forest"]
    run = vae.fit(*words, f"run_dir={tmp_path / 'run'}")
    found = run.results.disentanglement
    assert set(found) == {
        "mig_means_20_bins",
        "mig_samples",
        "modularity_20_bins",
        "sap_linear_svm",
        "factor_vae_score",
        "dci_forest_disentanglement",
        "dci_forest_completeness",
        "dci_forest_informativeness",
    }
    for name, estimate in found.items():
        assert -1e-9 <= estimate.value <= 1, name
        assert estimate.repeats == scores.REPEATS
        # 432 test images, of which two thirds teach
        assert estimate.num_examples == 288
    assert "mig_means_20_bins" in capsys.readouterr().out
    assert run.results.numbers()["disentanglement/mig_samples"] == found["mig_samples"].value
    # evaluated again, the same numbers; without being asked, none
    again = run.evaluate(disentanglement=True, dci="forest", **QUIET)
    assert again.disentanglement["mig_means_20_bins"] == found["mig_means_20_bins"]
    assert run.evaluate(**QUIET).disentanglement is None


def test_images_without_factors_have_no_scores(tmp_path, capsys):
    words = ["data=digits", *(w for w in WORDS if not w.startswith("data"))]
    run = vae.fit(*words, f"run_dir={tmp_path / 'run'}")
    assert run.evaluate(disentanglement=True, **QUIET).disentanglement is None
    assert "no disentanglement scores: they need" in capsys.readouterr().out


def test_only_factors_that_vary_count(tmp_path):
    words = [w for w in WORDS if "scales" not in w]
    run = vae.fit(*words, "data.scales=1", f"run_dir={tmp_path / 'run'}")
    factors, names = scores.factors_of(run.data)
    assert names == ["shape", "orientation", "x", "y"]
    assert factors.max(0).tolist() == [2, 3, 5, 5]


@pytest.mark.parametrize("dci", ["trees", "3"])
def test_other_trees_are_refused(dci, tmp_path):
    with pytest.raises(VAEError, match="boosted"):
        vae.fit(*WORDS, f"evaluate.dci={dci}", f"run_dir={tmp_path / 'run'}")
