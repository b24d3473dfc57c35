"""Books from CSV files: what `manage.py import_books` does, in the order in which it does it.

`source` reads records out of a dirty file, `columns` says which column is what, `rows` cleans and validates,
`deduplication` finds repeats within the file, `exported` keeps the rows of an export until all are known,
`known_books` finds the books of the store (`matching` those of an export), `past` keeps which of them were found,
`batches` writes through replication, `rejects` keeps what was refused, `importer` holds it all together.
"""
