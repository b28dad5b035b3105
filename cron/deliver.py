#!/usr/bin/env python3
"""Delivers what is due. Every minute from cron; a receipt starts it too. Everything else is in lib/postern."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from postern.doors import deliver

sys.exit(deliver())
