"""Every engine finds what brute force finds."""

import pytest
import torch

from vae.errors import ConfigError
from vae.search.engines.exact import Exact
from vae.search.engines.faiss import Faiss
from vae.search.engines.qdrant import Qdrant

N, D = 600, 16


def make(name):
    module = {"exact": None, "qdrant": "qdrant_client"}.get(name, "faiss")
    if module:
        pytest.importorskip(module)
    if name.startswith("faiss"):
        return Faiss(kind=name.partition("_")[2], probes=64)
    return {"exact": Exact, "qdrant": Qdrant}[name]()


ENGINES = ["exact", "faiss_flat", "faiss_ivf", "faiss_hnsw", "qdrant"]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(N, D, generator=generator)
    return torch.arange(100, 100 + N), vectors, torch.arange(N) % 3


def brute(ids, vectors, queries, k):
    distances, at = torch.cdist(queries.double(), vectors.double()).square().topk(k, largest=False)
    return distances.float(), ids[at]


def recall(found, wanted):
    pairs = zip(found.tolist(), wanted.tolist(), strict=True)
    return sum(len(set(f) & set(w)) for f, w in pairs) / wanted.numel()


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_finds_the_nearest(name, data, tmp_path):
    ids, vectors, labels = data
    engine = make(name)
    engine.open(tmp_path, D)
    engine.add(ids[:400], vectors[:400], labels[:400])
    engine.add(ids[400:], vectors[400:], labels[400:])
    queries = torch.randn(20, D)
    distances, found = engine.search(queries, 10, None)
    wanted_distances, wanted = brute(ids, vectors, queries, 10)
    assert recall(found, wanted) >= (1 if name in ("exact", "faiss_flat", "qdrant") else 0.98)
    assert (distances.diff(dim=1) >= -1e-4).all()
    same = found == wanted
    torch.testing.assert_close(distances[same], wanted_distances[same], rtol=1e-3, atol=1e-3)
    # a vector is nearest to itself
    distances, found = engine.search(vectors[:5], 1, None)
    assert found[:, 0].tolist() == ids[:5].tolist()
    assert distances.max() < 1e-5
    engine.close()


@pytest.mark.parametrize("name", ENGINES)
def test_removed_vectors_and_other_classes_are_not_found(name, data, tmp_path):
    ids, vectors, labels = data
    engine = make(name)
    engine.open(tmp_path, D)
    engine.add(ids, vectors, labels)
    engine.remove(ids[:200])
    engine.save()
    engine.close()
    again = make(name)
    again.open(tmp_path, D)
    _, found = again.search(vectors[:50], 10, None)
    assert found.min() >= ids[200]
    wanted = brute(ids[200:], vectors[200:], vectors[:50], 10)[1]
    assert recall(found, wanted) >= 0.98
    _, found = again.search(vectors[:50], 10, 2)
    assert (labels[found - 100] == 2).all()
    mine = labels[200:] == 2
    wanted = brute(ids[200:][mine], vectors[200:][mine], vectors[:50], 10)[1]
    assert recall(found, wanted) >= 0.98
    again.close()


@pytest.mark.parametrize("name", ENGINES)
def test_a_small_class_far_away_is_found(name, tmp_path):
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(3000, D, generator=generator)
    labels = torch.zeros(3000, dtype=torch.int64)
    vectors[-20:] += 8
    labels[-20:] = 1
    engine = make(name)
    engine.open(tmp_path, D)
    engine.add(torch.arange(3000), vectors, labels)
    _, found = engine.search(vectors[:3], 10, 1)
    wanted = brute(torch.arange(3000)[-20:], vectors[-20:], vectors[:3], 10)[1]
    assert recall(found, wanted) == 1
    engine.close()


@pytest.mark.parametrize("name", ENGINES)
def test_fewer_than_were_asked_for_are_padded(name, data, tmp_path):
    ids, vectors, labels = data
    engine = make(name)
    engine.open(tmp_path, D)
    engine.add(ids[:3], vectors[:3], labels[:3])
    distances, found = engine.search(vectors[:2], 5, None)
    assert found[0, 0] == ids[0]
    assert (found[:, 3:] == -1).all()
    assert distances[:, 3:].isinf().all()
    engine.close()


def test_a_server_that_does_not_answer_is_one_sentence(tmp_path):
    pytest.importorskip("qdrant_client")
    from vae.errors import RunError

    with pytest.raises(RunError, match="must be the address of a Qdrant server that answers"):
        Qdrant(url="http://127.0.0.1:9").open(tmp_path, D)


@pytest.mark.parametrize(("engine", "extra"), [(Faiss, "faiss"), (Qdrant, "qdrant_client")])
def test_an_engine_that_is_not_installed_names_its_extra(engine, extra, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, extra, None)
    with pytest.raises(ConfigError, match="pip install"):
        engine()
