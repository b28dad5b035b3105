"""gunicorn behind a proxy of one's own, which nobody can go around: what it says of its visitor is believed."""

from __future__ import annotations

wsgi_app = "passenger_wsgi:application"
bind = "0.0.0.0:8000"
workers = 2
worker_class = "gthread"
threads = 8
timeout = 330  # a message of 25 MB over a slow line
graceful_timeout = 30
max_requests = 5000
max_requests_jitter = 500
worker_tmp_dir = "/dev/shm"  # noqa: S108 - gunicorn's sign of life: on a disk, a slow one would end the worker
limit_request_line = 8190
control_socket_disable = True
accesslog = None  # the program has its own


def behind_proxy(application):
    """The application, told of the visitor: the last address of X-Forwarded-For is the one that our proxy wrote."""

    def told(environ, start_response):
        last = environ.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
        environ["REMOTE_ADDR"] = last or environ.get("REMOTE_ADDR", "")
        # The path as it was sent, under the name that Apache has for it.
        environ["REQUEST_URI"] = environ["RAW_URI"]
        return application(environ, start_response)

    return told


def post_worker_init(worker):
    """Called by gunicorn when a worker has its application."""
    worker.wsgi = behind_proxy(worker.wsgi)
