"""Where audio is kept."""
