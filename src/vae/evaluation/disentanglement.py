"""Disentanglement scores of a model on images whose factors are known."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from vae.data.module import DataModule
from vae.metrics.disentanglement.dci import Trees, dci
from vae.metrics.disentanglement.information import BINS, Factors, mig, modularity
from vae.metrics.disentanglement.samples import mig_samples
from vae.metrics.disentanglement.sap import sap
from vae.metrics.disentanglement.votes import factor_vae_score
from vae.metrics.estimate import Estimate
from vae.metrics.latents import THRESHOLD
from vae.model import VAE
from vae.runs.sections import Result

# images that are encoded, and of those for one score to learn from and to be tested on
POOL, TRAIN, TEST = 50_000, 10_000, 5_000
REPEATS, FEWEST = 3, 100
# attributes with more values than this are numbers, and are binned
MOST = 100


def factors_of(data: DataModule) -> tuple[Factors, list[str]] | None:
    """The factors of the test images that vary, as whole numbers (N, K), and their names."""
    known = data.arrays.get("test_attributes")
    if known is None:
        return None
    columns, names = [], []
    given = getattr(data.source, "factors", None) or [f"{i}" for i in range(known.shape[1])]
    for name, column in zip(given, known.numpy().T, strict=True):
        values, places = np.unique(column, return_inverse=True)
        if len(values) > MOST:
            places = np.digitize(column, np.histogram(column, BINS)[1][:-1])
        if len(values) > 1:
            columns.append(places)
            names.append(name)
    return (np.stack(columns, axis=1), names) if columns else None


@torch.no_grad()
def disentanglement(
    model: VAE,
    data: DataModule,
    device: torch.device,
    trees: Trees = "boosted",
    say: Callable[[str], None] = print,
) -> Mapping[str, Result]:
    """Each score with its protocol in its name, and its standard error over three repeats.

    A repeat draws its own images from a pool of 50,000 test images: 10,000 to learn from (and for
    mutual information), 5,000 to be tested on; fewer where there are fewer.

    Arguments:
        model: The model, in evaluation mode.
        data: Whose test images have attributes.
        device: Where to compute.
        trees: Those of DCI.
        say: Told why there are no scores.
    """
    found = factors_of(data)
    count = len(data.indices["test"])
    if found is None or count < FEWEST or model.condition is not None:
        say(
            "no disentanglement scores: they need a model of p(x), and at least "
            f"{FEWEST} test images whose factors are known (data=shapes, or your own attributes)"
        )
        return {}
    factors, names = found
    pool = np.random.default_rng(0).permutation(count)[:POOL]
    loc, scale = _encoded(model, data, torch.from_numpy(np.sort(pool)), device)
    values = factors[np.sort(pool)]
    codes, active = loc.double().numpy(), (loc.var(0) > THRESHOLD).numpy()
    learnt = min(TRAIN, 2 * len(codes) // 3)
    tested = min(TEST, len(codes) - learnt)
    rows: dict[str, list[float]] = {}
    for repeat in range(REPEATS):
        rng = np.random.default_rng(repeat)
        order = rng.permutation(len(codes))
        train, test = order[:learnt], order[learnt : learnt + tested]
        pair = ((codes[train], values[train]), (codes[test], values[test]))
        named = {
            f"mig_means_{BINS}_bins": mig(*pair[0]),
            f"modularity_{BINS}_bins": modularity(*pair[0]),
            "sap_linear_svm": sap(*pair, repeat),
            "factor_vae_score": factor_vae_score(codes, values, active, rng),
        }
        trees_found = dci(*pair, repeat, trees)._asdict()
        named |= {f"dci_{trees}_{name}": value for name, value in trees_found.items()}
        if scale is not None:
            # as in the paper, without the shape, which no single dimension could tell
            columns = [i for i, name in enumerate(names) if name != "shape"] or [0]
            named["mig_samples"] = mig_samples(loc[train], scale[train], values[train][:, columns])
        for name, value in named.items():
            rows.setdefault(name, []).append(value)
    return {name: _result(found, learnt) for name, found in rows.items()}


def _result(values: list[float], points: int) -> Result:
    estimate = Estimate.of(torch.tensor(values, dtype=torch.float64))
    return Result(
        value=estimate.value,
        standard_error=estimate.standard_error,
        num_examples=points,
        num_samples=0,
        repeats=len(values),
    )


def _encoded(
    model: VAE, data: DataModule, chosen: Tensor, device: torch.device
) -> tuple[Tensor, Tensor | None]:
    """E[z] of some test images, and the standard deviations where q(z|x) is a normal product."""
    locs: list[Tensor] = []
    scales: list[Tensor] = []
    images = data.arrays["test_images"]
    for some in chosen.split(data.eval_batch_size):
        x = data.pixels(images.index_select(0, some).to(device), some.to(device))
        q = model.encode(x)
        if isinstance(q, Independent) and isinstance(q.base_dist, Normal):
            locs.append(q.base_dist.loc.float().cpu())
            scales.append(q.base_dist.scale.float().cpu())
        else:
            locs.append(model.embed(x).float().cpu())
    return torch.cat(locs), torch.cat(scales) if scales else None
