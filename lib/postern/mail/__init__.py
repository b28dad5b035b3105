"""What happens to bytes: addresses, header blocks, rewriting, the signed envelope.

Pure functions: no database, no network, no clock. The `email` package is not used here: it recurses, alters
bytes and fails on 8-bit headers, and mail is hostile bytes. Everything takes time linear in its input.
"""
