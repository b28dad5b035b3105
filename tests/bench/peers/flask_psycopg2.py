"""The look-up in Flask with psycopg2: a CGI, or `application` for a server of WSGI."""

import os
import sys

sys.path.insert(0, os.environ["BENCH_PEERS"])

import psycopg2
from flask import Flask

application = Flask(__name__)
place = os.environ
held = []


def connection():
    """One a process."""
    if not held:
        held.append(
            psycopg2.connect(
                user=place["BENCH_USER"],
                dbname=place["BENCH_DATABASE"],
                password=place["BENCH_PASSWORD"],
                host=place["BENCH_HOST"],
                port=place["BENCH_PORT"],
                options=place["BENCH_OPTIONS"],
            )
        )
    return held[0]


@application.route("/health/ready")
def ready():
    with connection() as open_connection, open_connection.cursor() as cursor:
        cursor.execute(place["BENCH_SQL"])
        return {"status": "ok", "waiting": cursor.fetchone()[0]}


if __name__ == "__main__":
    from wsgiref.handlers import CGIHandler

    CGIHandler().run(application)
