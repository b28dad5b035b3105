#!/usr/bin/env python3
"""Takes one message in from the host's own mail server (cPanel: Pipe to a Program). Everything else is in lib/postern.

cPanel returns to the sender whatever a program prints, so both outputs are shut before anything else can speak.
"""

import os
import sys

null = os.open(os.devnull, os.O_RDWR)
os.dup2(null, 1)
os.dup2(null, 2)
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

code = 75  # EX_TEMPFAIL: whatever goes wrong, the mail server keeps the message and tries again
try:
    from postern.doors import pipe

    code = pipe()
finally:
    os._exit(code)
