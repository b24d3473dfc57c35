"""The usual way: the same bookstore as one writes it at first. README.md says what to read, and what is lost."""
