"""What every layer shares: time, entropy, security status, causes, effects, limits and settings."""
