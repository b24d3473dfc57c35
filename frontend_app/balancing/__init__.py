"""Which replica is called: round robin over those that answer."""
