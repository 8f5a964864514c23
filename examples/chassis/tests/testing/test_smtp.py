"""The SMTP server: messages by recipient, which survive a crash."""

from collections.abc import Callable, Iterator
from email.message import EmailMessage

import aiosmtplib
import pytest

from chassis_testing.smtp import SMTPServer


@pytest.fixture(scope="module")
def smtp_server() -> Iterator[SMTPServer]:
    with SMTPServer.running() as server:
        yield server


async def send(smtp_server: SMTPServer, recipient: str, subject: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@shop.test", recipient, subject
    message.set_content("Grüße aus dem Laden\n")
    host, port = smtp_server.address
    await aiosmtplib.send(message, hostname=host, port=port)


async def test_keeps_messages_apart_by_recipient(smtp_server: SMTPServer) -> None:
    ada, bob = smtp_server.recipient("ada"), smtp_server.recipient("bob")
    await send(smtp_server, ada, "first")
    await send(smtp_server, bob, "other")
    await send(smtp_server, ada, "second")
    received = smtp_server.messages(ada)
    assert [message["Subject"] for message in received] == ["first", "second"]
    assert received[0].get_content().splitlines() == ["Grüße aus dem Laden"]
    assert len(smtp_server.messages()) >= 3


async def test_keeps_what_it_confirmed_through_a_crash(smtp_server: SMTPServer) -> None:
    ada = smtp_server.recipient()
    await send(smtp_server, ada, "before")
    with smtp_server.outage(), pytest.raises(aiosmtplib.SMTPConnectError):
        await send(smtp_server, ada, "meanwhile")
    await send(smtp_server, ada, "after")
    assert [message["Subject"] for message in smtp_server.messages(ada)] == ["before", "after"]


def test_listens_on_the_loopback_address_only(
    smtp_server: SMTPServer, listens_on: Callable[[SMTPServer], set[str]]
) -> None:
    assert listens_on(smtp_server) == {"127.0.0.1"}
