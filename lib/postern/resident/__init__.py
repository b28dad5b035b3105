"""The resident helper: a process that the CGI door leaves behind, and that answers the next requests with all imports done.

    wire.py     what door and resident say to each other
    knock.py    the door's side: imports next to nothing
    become.py   how the process of a first request turns into the resident
    listen.py   the resident's side: takes requests and answers them
    life.py     how long it stays

Under Passenger there is none: its processes live on by themselves.
"""
