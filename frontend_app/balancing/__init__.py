"""Health checks in the background."""
