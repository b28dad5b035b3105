#!/usr/bin/env python3
"""Looks at everything and tells what changed. Every 5 minutes."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from postern.doors import run_job

sys.exit(run_job("monitor"))
