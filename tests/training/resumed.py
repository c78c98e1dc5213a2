"""What tests of resuming share: a run, and whether two runs are the same, bit for bit."""

import csv
import json

import torch

WORDS = [
    "data=digits",
    "trainer.accelerator=cpu",
    "trainer.max_epochs=6",
    "trainer.log_every_n_steps=5",
    "callbacks=ema",
    "optimizer/schedule=one_cycle",
    "objective=beta",
    "objective/schedule=linear",
    "evaluate.num_samples=2",
    "evaluate.surgery=0",
    "evaluate.probe=0",
    "data.val_size=300",
    "callbacks.progress.interval=0",
]
LIGHT = ["model.encoder.hidden=[8]", "model.decoder.hidden=[8]", "callbacks.pictures=null"]


def weights(directory, name="last"):
    return torch.load(directory / "checkpoints" / f"{name}.ckpt", weights_only=True)


def same(one, two):
    for name in ("best", "last"):
        a, b = weights(one, name), weights(two, name)
        assert a["global_step"] == b["global_step"]
        for key in ("state_dict", "current_model_state"):
            for k in a[key]:
                assert torch.equal(a[key][k], b[key][k]), k
        old, new = (c["optimizer_states"][0]["state"] for c in (a, b))
        for i in old:
            assert torch.equal(old[i]["exp_avg_sq"], new[i]["exp_avg_sq"])
    found = [json.loads((d / "results.json").read_text()) for d in (one, two)]
    assert found[0]["test"] == found[1]["test"]
    assert found[0]["score"] == found[1]["score"]
    assert found[0]["train"]["epochs"] == found[1]["train"]["epochs"]
    rows = []
    for directory in (one, two):
        with (directory / "metrics.csv").open() as f:
            table = list(csv.DictReader(f))
        for row in table:
            if row.get("test/elbo"):
                # Lightning counts an epoch that was not finished before the test, but not after
                row.pop("epoch")
        rows.append([{k: v for k, v in r.items() if "per_second" not in k} for r in table])
    assert rows[0] == rows[1]
