"""Floor 1: all SQL of the program, one module a table family.

A function takes the Database first, inside a transaction that its caller opened, holds one statement in sight, and returns
frozen dataclasses. `now()` is the database's clock: the one clock that all hosts share.
"""
