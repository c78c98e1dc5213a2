"""Of a semi-supervised model, data.labels training labels are seen, and no others."""

import numpy as np
import pytest
import torch
from PIL import Image

import vae
from vae.cli.command import compose
from vae.config.build import build_data
from vae.data.order import with_some
from vae.errors import ConfigError, DataError
from vae.training.build import build_module


def data_of(*words):
    return build_data(compose("data=digits", "model=m2", "objective=m2", *words))


def test_as_many_of_each_class_are_seen_and_which_ones_the_seed_says():
    one, again, other = (data_of("data.labels=30", f"data.split_seed={s}") for s in (0, 0, 1))
    labels = one.arrays["train_labels"]
    assert torch.equal(labels[one.labelled].unique(return_counts=True)[1], torch.full((10,), 3))
    assert torch.equal(one.labelled, again.labelled)
    assert not torch.equal(one.labelled, other.labelled)
    assert torch.isin(one.labelled, one.indices["train"]).all()
    assert one.labelled_share == 30 / len(one.indices["train"])


def test_no_other_label_reaches_a_batch():
    data = data_of("data.labels=30", "data.batch_size=40")
    seen = set(data.labelled.tolist())
    for batch in data.batches("train", 100):
        for example, label, known in zip(batch.example, batch.label, batch.context, strict=True):
            assert int(known) == (int(label) if int(example) in seen else -1)
    assert all(b.context is None for split in ("val", "test") for b in data.batches(split, 100))


def test_every_batch_holds_some_and_every_other_example_comes_once():
    data = data_of("data.labels=30", "data.batch_size=40")
    loader = data.train_dataloader()
    batches = list(loader)
    assert len(batches) == len(loader)
    assert all(int((b.context >= 0).sum()) == 10 for b in batches)
    images = torch.cat([b.x[b.context < 0] for b in batches])
    hidden = data.indices["train"][~torch.isin(data.indices["train"], data.labelled)]
    assert len(images) == len(hidden)
    assert torch.equal(
        images.flatten(1).sum(1).sort().values,
        data.arrays["train_images"][hidden].flatten(1).sum(1).sort().values,
    )


def test_an_order_with_some_takes_them_in_turn():
    g = torch.Generator().manual_seed(0)
    others, some = torch.arange(100, 123), torch.arange(5)
    order = with_some(others, some, batch_size=6, each=2, generator=g)
    for batch in order.split(6):
        assert (batch[-2:] < 5).all()
        assert (batch[:-2] >= 100).all()
    assert torch.equal(order[order >= 100], others)
    counts = order[order < 5].bincount()
    assert counts.max() - counts.min() <= 1


def test_hidden_labels_change_nothing(tmp_path):
    """The law of a semi-supervised split: what is not seen has no influence."""
    g = np.random.default_rng(0)
    images = g.integers(0, 256, (90, 8, 8), dtype=np.uint8)
    labels = np.arange(90) % 3
    found = []
    for wrong in (False, True):
        # a label of -1 is not known at all
        given = np.where(np.arange(90) < 45, labels, -1)
        path = tmp_path / f"{wrong}.npz"
        np.savez(path, images=images, labels=given)
        config = compose(
            "data=arrays", f"data.root={path}", "model=m2", "objective=m2", "data.labels=9",
            "data.val_size=4", "model.encoder.hidden=[8]", "model.decoder.hidden=[8]",
            "data.levels=[0,255]",
        )  # fmt: skip
        data = build_data(config)
        if wrong:
            hidden = torch.ones(len(data.seen), dtype=bool)
            hidden[data.labelled] = False
            data.arrays["train_labels"] = data.arrays["train_labels"].clone()
            data.arrays["train_labels"][hidden] = 0
        torch.manual_seed(0)
        module = build_module(config, data)
        batch = data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)
        torch.manual_seed(1)
        found.append(module.objective(module._record(batch)).loss)
    assert torch.equal(*found)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data.labels=7"], "as many of each of the 10 classes"),
        (["data.labels=0"], "as many of each of the 10 classes"),
        (["data.labels=100000"], "at most"),
    ],
)
def test_a_number_that_cannot_be_is_one_sentence(words, message):
    with pytest.raises(ConfigError, match=message) as error:
        data_of(*words)
    assert "\n" not in str(error.value)


def test_labels_are_of_a_semi_supervised_model():
    with pytest.raises(ConfigError, match=r"set model=m2 objective=m2"):
        build_data(compose("data=digits", "data.labels=10"))


def test_classes_are_numbered_without_gaps(tmp_path):
    images = np.zeros((60, 8, 8), np.uint8)
    images[:, 0, 0] = np.arange(60)
    np.savez(tmp_path / "a.npz", images=images, labels=np.arange(60) % 3 * 2)
    words = ["data=arrays", f"data.root={tmp_path / 'a.npz'}", "model=m2", "objective=m2"]
    with pytest.raises(DataError, match="renumber them"):
        build_data(compose(*words, "data.levels=[0,255]"))


def test_pictures_in_a_folder_called_unlabelled_have_no_class(tmp_path):
    for i in range(45):
        folder = tmp_path / ["cat", "dog", "unlabelled"][i % 3]
        folder.mkdir(exist_ok=True)
        Image.fromarray(np.full((8, 8), 5 * i, np.uint8)).save(folder / f"{i}.png")
    words = ["data=images", f"data.root={tmp_path}", "data.val_size=2", "data.size=[8,8]"]
    data = build_data(compose(*words, "model=m2", "objective=m2"))
    assert data.source.classes == ["cat", "dog"]
    assert data.context_size() == 2
    images = data.arrays["train_images"][:, 0, 0, 0].long() // 5
    wanted = torch.where(images % 3 == 2, -1, images % 3)
    assert torch.equal(data.arrays["train_labels"].long(), wanted)
    assert torch.equal(data.seen[data.labelled], wanted[data.labelled])
    with pytest.raises(DataError, match="known of every example"):
        build_data(compose(*words, "model.condition=label"))


@pytest.mark.slow
def test_own_data_with_missing_labels_is_trained_tested_and_searched(tmp_path):
    g = np.random.default_rng(0)
    images = g.integers(0, 256, (400, 8, 8), dtype=np.uint8)
    images[:, :4] //= (1 + np.arange(400) % 2 * 9)[:, None, None].astype(np.uint8)
    labels = np.where(g.random(400) < 0.5, np.arange(400) % 2, -1)
    np.savez(tmp_path / "a.npz", images=images, labels=labels)
    run = vae.fit(
        "data=arrays", f"data.root={tmp_path / 'a.npz'}", "data.levels=[0,255]", "model=m2",
        "objective=m2", "objective.alpha=10", "model.encoder.hidden=[32]", "trainer.max_epochs=15",
        "model.decoder.hidden=[32]", "model.latent_dim=2", "data.batch_size=32", "threads=1",
        f"run_dir={tmp_path / 'run'}", "evaluate.num_samples=5", "model/likelihood=gaussian",
    )  # fmt: skip
    assert run.results.test["accuracy"].value > 0.9
    assert run.results.test["accuracy"].num_examples < len(run.data.indices["test"])
    found = run.evaluate(num_samples=5, fid=100, probe=200, surgery=50, pictures=4)
    assert found.samples is not None
    assert found.latents.knn_accuracy.value > 0.8
    run.generate("samples", condition=1, count=3)
    index = run.search_index(tmp_path / "index", split="train")
    assert index.is_dir()
