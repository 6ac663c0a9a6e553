"""Numbers and pictures of what a trained policy does."""
