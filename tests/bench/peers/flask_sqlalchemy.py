"""The look-up in Flask with SQLAlchemy: a CGI, or `application` for a server of WSGI."""

import os
import sys

sys.path.insert(0, os.environ["BENCH_PEERS"])

from flask import Flask
from sqlalchemy import URL, DateTime, Text, case, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

application = Flask(__name__)
place = os.environ
engine = create_engine(
    URL.create(
        "postgresql+psycopg2",
        place["BENCH_USER"],
        place["BENCH_PASSWORD"],
        database=place["BENCH_DATABASE"],
        query={"host": place["BENCH_HOST"], "port": place["BENCH_PORT"]},
    ),
    connect_args={"options": place["BENCH_OPTIONS"]},
)


class Base(DeclarativeBase):
    """SQLAlchemy's own."""


class Delivery(Base):
    """The columns that are asked for."""

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    due_at: Mapped[object] = mapped_column(DateTime(timezone=True))


@application.route("/health/ready")
def ready():
    is_due = case((Delivery.due_at <= func.now(), 1))
    wanted = select(
        func.count(),
        func.count(is_due),
        func.min(case((Delivery.due_at <= func.now(), Delivery.due_at))),
    ).where(Delivery.state == "queued")
    with Session(engine) as session:
        waiting, _, _ = session.execute(wanted).one()
    return {"status": "ok", "waiting": waiting}


if __name__ == "__main__":
    from wsgiref.handlers import CGIHandler

    CGIHandler().run(application)
