#!/usr/bin/env python3
"""Mails a digest to each user who wants one. Every day."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from postern.doors import run_job

sys.exit(run_job("digest"))
