"""compile=true."""

from vae.model.vae import VAE


def compile_networks(model: VAE) -> None:
    """Compile the networks in place, which leaves the names of their weights as they are.

    Arguments:
        model: The model; its distributions stay as they are.
    """
    for network in (model.encoder, model.decoder):
        network.compile()
