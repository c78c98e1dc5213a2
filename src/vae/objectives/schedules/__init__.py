"""How the price of the rate changes while training: (rate, t) to the price."""
