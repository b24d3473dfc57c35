"""What holds for every route of every node, in one process."""
