"""Pages that need no server and no account: one HTML file with everything in it."""
