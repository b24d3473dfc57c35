"""`python -m benchmarks.usual_way --data FOLDER` runs all its processes."""

import sys

from benchmarks.usual_way_processes import main

sys.exit(main())
