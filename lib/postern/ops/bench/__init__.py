"""`postern bench`: what this host can carry, measured on it. docs/PERFORMANCE.md tells what each row means.

rows.py      the rows: names, units, what is good and what is slow
spawn.py     starts processes and weighs them
lab.py       a whole instance of its own beside the real one, and its end
host.py, start.py, database.py, requests.py, mail.py, site.py     the measuring, by what is measured
run.py       all of it within two minutes
result.py    what was found of one row
capacity.py  how many users and mails that is
report.py    a run as it is saved; compare.py: two of them side by side
"""
