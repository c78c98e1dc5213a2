"""What finds the nearest vectors: one file and one word each."""
