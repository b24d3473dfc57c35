from django.db import migrations, models

# A table without an index beside it: https://sqlite.org/withoutrowid.html
WITHOUT_ROWID = (
    "ALTER TABLE replication_rowdigest RENAME TO replication_rowdigest_old",
    'CREATE TABLE replication_rowdigest ("table" varchar(100) NOT NULL, "key" varchar(100) NOT NULL, '
    'digest varchar(32) NOT NULL, PRIMARY KEY ("table", "key")) WITHOUT ROWID',
    'INSERT INTO replication_rowdigest ("table", "key", digest) '
    'SELECT "table", "key", digest FROM replication_rowdigest_old',
    "DROP TABLE replication_rowdigest_old",
)


class Migration(migrations.Migration):
    dependencies = [("replication", "0001_initial")]

    operations = [
        migrations.RunSQL(WITHOUT_ROWID, migrations.RunSQL.noop),
        migrations.AlterField("logentry", "position", models.IntegerField(primary_key=True, serialize=False)),
    ]
