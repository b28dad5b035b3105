#!/usr/bin/env python3
"""Backs up the database, and deletes backups that are past their time. Every day."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from postern.doors import run_job

sys.exit(run_job("backup"))
