"""Record to rate, distortion and what is maximised."""
