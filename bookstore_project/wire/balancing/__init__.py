"""Which replica is called: in turn, those that answer, and no oftener than helps."""
