"""How pages tell dates and times, where the framework's templates and the admin do it (FORMAT_MODULE_PATH)."""

DATE_FORMAT = "j F Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j M Y, H:i T"
MONTH_DAY_FORMAT = "j F"
