"""What runs around the store: monitoring, and three hosts."""
