"""The Markdown of docs/, as HTML: the part of CommonMark and of GitHub's tables that those pages are written in, and no more.

A test holds it against a reference implementation on every page, so what it does not understand is found before it is shipped.
"""
