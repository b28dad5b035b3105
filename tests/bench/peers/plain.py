"""pg8000 as it is imported by itself, a connection, and the look-up: the floor of a cold request that asks the database."""

import os
import sys

sys.path.insert(0, os.environ["BENCH_PACKAGES"])

import pg8000.native

place = os.environ
connection = pg8000.native.Connection(
    place["BENCH_USER"],
    database=place["BENCH_DATABASE"],
    password=place["BENCH_PASSWORD"],
    unix_sock=place["BENCH_SOCKET"],
    ssl_context=False,
    startup_params={"options": place["BENCH_OPTIONS"]},
)
found = connection.run(place["BENCH_SQL"])
sys.stdout.write(f"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n{found[0][0]}\n")
connection.close()
