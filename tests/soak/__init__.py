"""`make soak`: hostile requests, no two of them alike, and how much of them the nodes remember."""
