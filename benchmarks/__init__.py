"""Speed, as ratios measured in one run: whole server processes, interleaved, median of several rounds."""
