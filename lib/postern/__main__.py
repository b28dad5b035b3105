"""`python -m postern`: the operator's command line."""

import sys

from postern.cli.main import main

sys.exit(main())
