"""Asking the DNS what Python's standard library cannot: TXT, MX and CNAME records, over HTTPS.

Addresses of hosts are no business of this room: the system's own resolver finds them.
"""
