#!/usr/bin/env python3
"""The CGI door: one request, one process. Everything else is in lib/postern."""

import sys

sys.path.insert(0, __file__.replace("/./", "/").rsplit("/", 2)[0] + "/lib")

from postern.doors import cgi

cgi()
