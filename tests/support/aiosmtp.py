"""An SMTP server that somebody else wrote (aiosmtpd), so that we do not only agree with ourselves."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

from aiosmtpd.smtp import SMTP, AuthResult

from support.patience import join


class AioServer:
    """STARTTLS and AUTH required; `messages` has what was taken, `port` where it listens."""

    def __init__(self, context, user, password):
        self.messages = []
        self.port = 0
        self._context = context
        self._login = (user.encode(), password.encode())
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._server = self._call(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        join(self._thread)
        self._loop.close()

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _listen(self):
        return await self._loop.create_server(self._protocol, "127.0.0.1", 0)

    async def _end(self):
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _protocol(self):
        return SMTP(
            self,
            tls_context=self._context,
            require_starttls=True,
            authenticator=self._authenticate,
            auth_required=True,
            enable_SMTPUTF8=True,
            hostname="localhost",
            loop=self._loop,
        )

    def _authenticate(self, _server, _session, _envelope, _mechanism, login):
        return AuthResult(success=(login.login, login.password) == self._login)

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's name
        content = envelope.original_content
        self.messages.append(
            SimpleNamespace(content=content, mail_from=envelope.mail_from, rcpt_to=tuple(envelope.rcpt_tos))
        )
        return "250 2.0.0 taken"
