"""The encoder and the decoder of a spatial autoencoder; names and arithmetic as in diffusers."""

from collections.abc import Sequence

from torch import Tensor, nn

from vae.model.networks.layers import Network
from vae.model.spatial.blocks import EPSILON, Checkpointed, Doubling, Halving, Middle, Stage


class SpatialEncoder(nn.Module):
    r"""Images to maps, flattened: stages of residual blocks and halvings, attention, a convolution.

    It takes pixels from 0 to 1 and sees them from -1 to 1.

    Arguments:
        inputs: The channels of an image.
        outputs: The channels of the maps.
        channels: The channels of each stage; all but the last halve height and width.
        blocks: The residual blocks of a stage.
        groups: Of the normalisations.
        attention: Whether there is some at the lowest resolution.

    References:
        High-Resolution Image Synthesis with Latent Diffusion Models (Rombach et al., 2022), as
        diffusers' AutoencoderKL has it
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        channels: Sequence[int],
        blocks: int,
        groups: int,
        attention: bool,
    ):
        super().__init__()
        self.conv_in = nn.Conv2d(inputs, channels[0], 3, padding=1)
        stages = []
        for i, (a, b) in enumerate(zip([channels[0], *channels], channels, strict=False)):
            stages.append(Stage(a, b, blocks, groups))
            if i + 1 < len(channels):
                stages[-1].downsamplers = nn.ModuleList([Halving(b)])
        self.down_blocks = nn.Sequential(*stages)
        self.mid_block = Middle(channels[-1], groups, attention)
        self.conv_norm_out = nn.GroupNorm(groups, channels[-1], eps=EPSILON)
        self.conv_act = nn.SiLU()
        self.conv_out = nn.Conv2d(channels[-1], outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Features with shape (N, outputs h w), for x with shape (N, inputs, H, W)."""
        h = self.mid_block(self.down_blocks(self.conv_in(2 * x - 1)))
        maps: Tensor = self.conv_out(self.conv_act(self.conv_norm_out(h)))
        return maps.flatten(1)


class SpatialDecoder(Network):
    """Maps, flattened, to images: the encoder's mirror, with a residual block more in each stage.

    Arguments:
        in_shape: The shape (C, h, w) of the maps.
        outputs: The channels of the features of an image.
        channels: The channels of the encoder's stages.
        blocks: The residual blocks of the encoder's stages.
        groups: Of the normalisations.
        attention: Whether there is some at the lowest resolution.
    """

    def __init__(
        self,
        in_shape: tuple[int, int, int],
        outputs: int,
        channels: Sequence[int],
        blocks: int,
        groups: int,
        attention: bool,
    ):
        super().__init__()
        self.unflatten = nn.Unflatten(1, in_shape)
        self.conv_in = nn.Conv2d(in_shape[0], channels[-1], 3, padding=1)
        self.mid_block = Middle(channels[-1], groups, attention)
        stages, up = [], list(reversed(channels))
        for i, (a, b) in enumerate(zip([up[0], *up], up, strict=False)):
            stages.append(Stage(a, b, blocks + 1, groups))
            if i + 1 < len(up):
                stages[-1].upsamplers = nn.ModuleList([Doubling(b)])
        self.up_blocks = nn.Sequential(*stages)
        self.conv_norm_out = nn.GroupNorm(groups, channels[0], eps=EPSILON)
        self.conv_act = nn.SiLU()
        self.conv_out = nn.Conv2d(channels[0], outputs, 3, padding=1)

    @property
    def last(self) -> nn.Conv2d:  # type: ignore[override]
        """The last layer, whose bias starts at the data's mean."""
        return self.conv_out


def checkpoint_blocks(network: nn.Module) -> None:
    """Let every block compute again in the backward pass what it would keep for it."""
    for module in network.modules():
        if isinstance(module, Checkpointed):
            module.checkpointing = True
