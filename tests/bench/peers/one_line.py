"""The floor of every CGI in Python: it imports nothing of its own and says one line."""

import sys

sys.stdout.write("Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nhello\n")
