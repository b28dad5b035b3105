#!/usr/bin/env python3
"""The CGI door: one request, one process. Everything else is in lib/postern."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from postern.doors import cgi

cgi()
