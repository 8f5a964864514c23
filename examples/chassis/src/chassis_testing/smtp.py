"""An SMTP server that keeps what it receives in a Maildir. Tests keep apart by their recipients."""

import sys
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from chassis_testing.network import HOST, greeting
from chassis_testing.server import Server, unique

READY = b"220"
DOMAIN = "shop.test"  # RFC 6761: never a real domain
RECIPIENTS = "X-RcptTo"  # the envelope's, which aiosmtpd adds to a message


class SMTPServer(Server):
    """An SMTP server that takes every message for every recipient. A message it has confirmed outlives it."""

    name = "smtp"

    def command(self) -> Sequence[str | Path]:
        """`aiosmtpd` with its handler for mailboxes."""
        listen = ["--nosetuid", "--listen", f"{HOST}:{self.port}", "--class", "aiosmtpd.handlers.Mailbox"]
        return [sys.executable, "-m", "aiosmtpd", *listen, self._mailbox]

    def answers(self) -> bool:
        """Whether it greets."""
        return greeting(self.port, len(READY)) == READY

    @property
    def address(self) -> tuple[str, int]:
        """Its host and port."""
        return HOST, self.port

    def recipient(self, prefix: str = "user") -> str:
        """An e-mail address that nobody has used yet."""
        return f"{unique(f'{prefix}-')}@{DOMAIN}"

    def messages(self, recipient: str | None = None) -> list[EmailMessage]:
        """What was received for a recipient of the envelope, or at all, the oldest first."""
        files = sorted(self._mailbox.glob("new/*"), key=lambda file: file.stat().st_mtime_ns)
        messages = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
        return [message for message in messages if recipient is None or recipient in message[RECIPIENTS].split(", ")]

    @property
    def _mailbox(self) -> Path:
        return self.folder / "mailbox"
