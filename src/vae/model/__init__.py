from vae.model.families.vae import VAE as VAE
from vae.model.record import Record as Record
