"""How good and how fast the image search is.

    python benchmarks/search.py vae=RUN ae=RUN [--queries 10000]

RUN is a run directory of `experiment=mnist_bernoulli`, and of the same with
`model/posterior=delta objective=reconstruction`. The collection is MNIST's 60,000 training images,
the queries its test images; then 1,000,000 synthetic vectors (a mixture of 1,000 normals in 32
dimensions). Prints two tables.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from vae.config.build import build_data
from vae.runs.opened import open_run
from vae.search.collection import pixels_of
from vae.search.embed import embed
from vae.search.engines.engine import Engine
from vae.search.engines.exact import Exact
from vae.search.engines.faiss import Faiss
from vae.search.engines.qdrant import Qdrant

K = 10


def nearest(score: Callable[[Tensor], Tensor], count: int, rows: int = 500) -> Tensor:
    """The K columns with the lowest scores of each of `count` rows, some rows at a time."""
    found = [score(some).topk(K, largest=False).indices for some in torch.arange(count).split(rows)]
    return torch.cat(found)


def euclidean(queries: Tensor, vectors: Tensor) -> Tensor:
    """The K nearest vectors of each query."""
    norms = vectors.square().sum(1)
    return nearest(lambda i: torch.addmm(norms, queries[i], vectors.T, alpha=-2), len(queries))


def symmetric_kl(queries: tuple[Tensor, Tensor], vectors: tuple[Tensor, Tensor]) -> Tensor:
    r"""The K posteriors nearest in KL(q || p) + KL(p || q), by one matrix product.

    .. math:: 2 J = \sum_d \frac{v_q + (m_q - m_p)^2}{v_p} + \frac{v_p + (m_q - m_p)^2}{v_q} - 2
    """
    (mq, vq), (mp, vp) = queries, vectors
    one = torch.ones_like(mq[:, :1])
    left = torch.cat([vq + mq**2, -2 * mq, one, 1 / vq, -2 * mq / vq], 1)
    right = torch.cat([1 / vp, mp / vp, (mp**2 / vp).sum(1, keepdim=True), vp + mp**2, mp], 1)
    return nearest(lambda i: left[i] @ right.T, len(mq))


def quality(name: str, found: Tensor, labels: Tensor, wanted: Tensor) -> str:
    """A row of the first table."""
    right = labels[found] == wanted[:, None]
    return f"| {name} | {right.float().mean():.4f} | {right[:, 0].float().mean():.4f} |"


def speed(name: str, engine: Engine, vectors: Tensor, queries: Tensor, truth: Tensor) -> str:
    """A row of the second table: seconds to build, queries in a second, recall@10."""
    with tempfile.TemporaryDirectory() as folder:
        engine.open(Path(folder), vectors.shape[1])
        start = time.perf_counter()
        engine.add(torch.arange(len(vectors)), vectors, torch.zeros(len(vectors), dtype=torch.long))
        built = time.perf_counter() - start
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            _, found = engine.search(queries, K, None)
            seconds.append(time.perf_counter() - start)
        engine.close()
    hits = [len(set(f) & set(t)) for f, t in zip(found.tolist(), truth.tolist(), strict=True)]
    rate = len(queries) / statistics.median(seconds)
    recall = sum(hits) / truth.numel()
    return f"| {name} | {len(vectors):,} | {built:.1f} | {rate:,.0f} | {recall:.3f} |"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs=2, help="vae=RUN ae=RUN")
    parser.add_argument("--queries", type=int, default=10_000)
    words = parser.parse_args()
    runs = {k: open_run(v) for k, _, v in (w.partition("=") for w in words.runs)}
    data = build_data(runs["vae"].data_config())
    train, test = data.arrays["train_images"], data.arrays["test_images"][: words.queries]
    labels, wanted = data.arrays["train_labels"].long(), data.arrays["test_labels"][: words.queries]
    print("| vectors | precision@10 | 1-NN accuracy |", "|---|---|---|", sep="\n")
    pixels = [x.flatten(1).float() / 255 for x in (train, test)]
    print(quality("raw pixels, 784", euclidean(pixels[1], pixels[0]), labels, wanted), flush=True)
    mean = pixels[0].mean(0)
    axes = torch.linalg.eigh((pixels[0] - mean).T.cov()).eigenvectors[:, -32:]
    flat = [(x - mean) @ axes for x in pixels]
    print(quality("PCA, 32", euclidean(flat[1], flat[0]), labels, wanted), flush=True)
    codes = {}
    for name, run in runs.items():
        expected = pixels_of(run).expected
        kinds = ("euclidean", "cosine", "wasserstein") if name == "vae" else ("euclidean", "cosine")
        for kind in kinds:
            made = [
                torch.cat([embed(run.model, expected(x), kind) for x in images.split(1000)])
                for images in (train, test)
            ]
            codes[name, kind] = made
            dim = run.model.latent_dim
            row = quality(f"{name}, {kind}, {dim}", euclidean(made[1], made[0]), labels, wanted)
            print(row, flush=True)
    parts = [x.chunk(2, 1) for x in codes["vae", "wasserstein"]]
    found = symmetric_kl(*((m, s.square()) for m, s in reversed(parts)))
    print(quality("vae, symmetric KL", found, labels, wanted), flush=True)
    print(
        "\n| engine | vectors | seconds to build | queries/s | recall@10 |",
        "|---|---|---|---|---|",
        sep="\n",
    )
    vectors, queries = codes["vae", "euclidean"]
    truth = euclidean(queries, vectors)
    made = {
        "exact": Exact(),
        "faiss, hnsw": Faiss("hnsw"),
        "faiss, ivf": Faiss("ivf"),
    }
    for name, engine in made.items():
        print(speed(name, engine, vectors, queries, truth), flush=True)
    few = queries[:100]
    print(speed("qdrant, embedded", Qdrant(), vectors, few, truth[:100]), flush=True)
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(1000, 32, generator=generator) * 2
    which = torch.randint(1000, (1_001_000,), generator=generator)
    points = centres[which] + torch.randn(1_001_000, 32, generator=generator)
    vectors, queries = points[:1_000_000], points[1_000_000:]
    truth = euclidean(queries, vectors)
    for name, engine in made.items():
        print(speed(name, engine, vectors, queries, truth), flush=True)


if __name__ == "__main__":
    main()
