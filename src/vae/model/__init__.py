from vae.model.record import Record as Record
from vae.model.vae import VAE as VAE
