"""The others, as real servers in the tests' own loop: the user service, and a mail server that does as it is told."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import grpc
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from chassis_testing.network import HOST, free_port
from notification_service.pb.user_service_pb2 import DESCRIPTOR, GetUserRequest, User

DOMAIN = "shop.test"


class Users:
    """The user service's GetUser: `ada` has the address `ada@shop.test`; who begins with `nobody` is no user."""

    def __init__(self) -> None:
        self.port = free_port()
        self.traces: list[str] = []
        self.emails: dict[str, str] = {}
        self._server: grpc.aio.Server | None = None

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    async def _get_user(self, request: GetUserRequest, context: Any) -> User:
        self.traces += [str(value) for key, value in context.invocation_metadata() if key == "traceparent"]
        if request.id.startswith("nobody"):
            await context.abort(grpc.StatusCode.NOT_FOUND, "user not found")
        email = self.emails.get(request.id, f"{request.id}@{DOMAIN}")
        return User(id=request.id, email=email, name="Ada Lovelace", version=1)

    async def start(self) -> None:
        self._server = grpc.aio.server()
        method = grpc.unary_unary_rpc_method_handler(
            self._get_user, request_deserializer=GetUserRequest.FromString, response_serializer=User.SerializeToString
        )
        service = DESCRIPTOR.services_by_name["UserService"].full_name
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {"GetUser": method})])
        self._server.add_insecure_port(self.address)
        await self._server.start()

    async def stop(self) -> None:
        assert self._server is not None
        await self._server.stop(None)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        await self.start()
        try:
            yield
        finally:
            await self.stop()


@dataclass
class Postman:
    """What the mail server does: it takes everything, at once, unless it is told otherwise."""

    rcpt: str = "250 OK"
    data: str = "250 OK"
    hold: bool = False
    """Whether to be silent when the mail is there, until `go`."""
    held: str = ""
    """The one recipient whose mail that is so for, if not all."""
    breaks: bool = False
    """Whether to take the mail, and break the connection without a word."""
    stays: asyncio.Event | None = None
    """What it waits for before it says goodbye."""
    taken: Callable[[], Any] = lambda: None
    """Called when a mail is there, before it is confirmed."""
    go: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - as aiosmtpd calls it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.arrived += 1
        self.taken()
        if self.hold or self.held in envelope.rcpt_tos:
            await self.go.wait()
        if not self.data.startswith("250"):
            return self.data
        assert isinstance(envelope.content, bytes)
        self.recipients += envelope.rcpt_tos
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        self.encrypted.append(session.ssl is not None)
        if self.breaks:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return self.data

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        if self.stays is not None:
            await self.stays.wait()
        return "221 Bye"

    @contextlib.asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None, *, implicit: bool = False) -> AsyncIterator[str]:
        """Serve; gives host and port."""

        def login(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
            self.logins.append(given.login.decode())
            return AuthResult(success=given.password == b"s3cret-Pa55", handled=False)

        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(
                self, hostname=HOST, enable_SMTPUTF8=True, tls_context=None if implicit else tls, authenticator=login
            ),
            HOST,
            0,
            ssl=tls if implicit else None,
        )
        async with server:
            yield "{}:{}".format(*server.sockets[0].getsockname())
