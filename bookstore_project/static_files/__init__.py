"""Static files under names that tell their content, compressed once, for browsers to keep for a year."""
