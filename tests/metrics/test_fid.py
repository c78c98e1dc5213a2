import pytest
import torch
from scipy import linalg

from vae.cli.command import compose
from vae.config import build as config_build
from vae.metrics.features import FeatureNetwork, feature_network
from vae.metrics.fid import distances


@pytest.fixture(scope="module")
def digits():
    data = config_build.build_data(compose("data=digits"))
    images, labels = data.arrays["train_images"], data.arrays["train_labels"]
    return (images, labels), (data.arrays["test_images"], data.arrays["test_labels"])


@pytest.fixture(scope="module")
def network(digits, tmp_path_factory):
    return feature_network("digits", tmp_path_factory.mktemp("features"), *digits)


def test_the_feature_network_learns_and_is_kept(digits, tmp_path):
    first = feature_network("digits", tmp_path, *digits)
    # three passes over 1,500 images: far above chance
    assert float(first.accuracy) > 0.6
    again = feature_network("digits", tmp_path, *digits)
    assert [p.name for p in tmp_path.iterdir()] == ["digits.pt"]
    for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    features = first(digits[0][0])
    live = features.std(0) > 0.5
    torch.testing.assert_close(features.mean(0), torch.zeros(64), atol=1e-4, rtol=0)
    torch.testing.assert_close(
        features.std(0)[live], torch.ones(int(live.sum())), atol=1e-3, rtol=0
    )
    assert live.sum() > 32


@pytest.mark.parametrize("content", [b"", b"not a network"])
def test_a_damaged_network_is_trained_again(digits, network, tmp_path, content):
    (tmp_path / "digits.pt").write_bytes(content)
    again = feature_network("digits", tmp_path, *digits)
    assert torch.equal(again.head.weight, network.head.weight)
    torch.save({"head.weight": torch.zeros(1)}, tmp_path / "digits.pt")
    again = feature_network("digits", tmp_path, *digits)
    assert torch.equal(again.head.weight, network.head.weight)


def test_training_the_network_leaves_the_random_numbers_alone(digits, tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    feature_network("digits", tmp_path, *digits)
    assert torch.equal(torch.rand(3), expected)


def test_fid_is_the_frechet_distance_of_the_features(digits, network):
    real, other = digits[1][0], digits[0][0][:300]
    a, b = network(real).double(), network(other).double()
    root = linalg.sqrtm((a.T.cov() @ b.T.cov()).numpy()).real
    exact = (a.mean(0) - b.mean(0)).square().sum() + a.T.cov().trace() + b.T.cov().trace()
    assert distances(network, real, other).fid.value == pytest.approx(
        exact.item() - 2 * root.trace(), rel=0.01
    )


def test_noise_is_far_and_the_images_themselves_are_near(digits, network):
    real = digits[1][0]
    same = distances(network, real, digits[0][0][:297])
    noise = distances(network, real, torch.randint(0, 256, (297, 1, 8, 8), dtype=torch.uint8))
    assert noise.fid.value > 5 * same.fid.value
    assert noise.kid.value > same.kid.value
    assert distances(network, real, real).fid.value == pytest.approx(0, abs=1e-3)


def test_any_shape_and_number_of_channels_has_features():
    network = FeatureNetwork((3, 7, 13), 4)
    assert network(torch.randint(0, 256, (2, 3, 7, 13), dtype=torch.uint8)).shape == (2, 64)
    assert network.logits(torch.randint(0, 256, (2, 3, 7, 13), dtype=torch.uint8)).shape == (2, 4)


def test_the_stated_errors_are_about_those_seen(network):
    """Over many draws of both sets from one distribution."""

    class Given(FeatureNetwork):
        def forward(self, images):
            return images

    given = Given((1, 8, 8), 2)
    found = [distances(given, torch.randn(600, 64), torch.randn(600, 64)) for _ in range(25)]
    for name in ("fid", "kid"):
        values = torch.tensor([getattr(d, name).value for d in found])
        stated = torch.tensor([getattr(d, name).standard_error for d in found])
        assert 0.4 < stated.mean() / values.std() < 2.5, name
