"""The Passenger door: a process that lives on and answers many requests. Everything else is in lib/postern."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

from postern.doors import passenger

application = passenger()
