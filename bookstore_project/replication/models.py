"""What replication keeps in each replica's database, beside the rows that it replicates."""

from django.db import models


class LogEntry(models.Model):
    """One replicated transaction. Positions have no gaps; each hash covers the one before it."""

    # In SQLite, where every integer has 64 bits, this is the row's own number: no index beside the table.
    position = models.IntegerField(primary_key=True)
    epoch = models.BigIntegerField(help_text="Of the in-sync set that committed it.")
    payload = models.TextField(help_text="The images of the changed rows, as JSON.")
    keys = models.TextField(help_text="The cache keys that it touches, as JSON.")
    hash = models.CharField(max_length=64, help_text="SHA-256 over the previous hash and this entry.")

    class Meta:
        verbose_name_plural = "log entries"

    def __str__(self) -> str:
        return f"entry {self.position}"


class RowDigest(models.Model):
    """What the log last said of a live row: a row that differs was changed behind the log's back."""

    pk = models.CompositePrimaryKey("table", "key")
    table = models.CharField(max_length=100)
    key = models.CharField(max_length=100, help_text="The row's primary key, as JSON.")
    digest = models.CharField(max_length=32)

    def __str__(self) -> str:
        return f"digest of {self.table} {self.key}"


class PendingChange(models.Model):
    """Filled by triggers, emptied by the commit: a row that was changed, with its image before.

    Outside a transaction this table is empty. If it isn't, somebody wrote around replication.
    """

    id = models.AutoField(primary_key=True)
    table = models.CharField(max_length=100)
    key = models.CharField(max_length=100, help_text="The row's primary key, as JSON.")
    before = models.TextField(null=True, help_text="The row as it was, as JSON; null if there was none.")  # noqa: DJ001  (it tells)

    def __str__(self) -> str:
        return f"pending change of {self.table} {self.key}"


class Incarnation(models.Model):
    """One row: which copy this file is. A file restored from elsewhere carries another nonce."""

    nonce = models.CharField(max_length=32)

    def __str__(self) -> str:
        return self.nonce
