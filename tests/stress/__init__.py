"""A store whose actors hear each other badly, read and written as fast as can be, and a check of every answer."""
