"""Mail, handed to an SMTP server: when it has said 250 to the content, it answers for it."""

import asyncio
import contextlib
import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import localtime, parseaddr

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
)
from opentelemetry.trace import SpanKind

from chassis import tracing
from chassis.errors import line
from notification_service.domain import NotificationTask, Recipient
from notification_service.errors import MailUnavailableError, RefusedError
from notification_service.settings import MailSettings

LEAVE_SECONDS = 1
# Nothing that would end the address in a header or in a command; the rest is the mail server's to judge.
_ADDRESS = re.compile(r"[^\s\x00-\x1f\x7f@<>()\[\]\\,;:\"]+@[^\s\x00-\x1f\x7f@<>()\\,;\"]+")
_PERMANENT = 500


class SmtpMail:
    """Implements `notification_service.service.Mail`."""

    def __init__(self, settings: MailSettings, timeout_seconds: float) -> None:
        """Send to a server.

        Args:
            settings: where it is, in whose name, and how secret.
            timeout_seconds: no mail takes longer, from the connection to the server's word that it has it.
        """
        self._settings = settings
        self._timeout = timeout_seconds
        self._sender = parseaddr(settings.smtp_from)[1]
        self._domain = self._sender.rpartition("@")[2]
        self._leaving: set[asyncio.Task[None]] = set()

    async def send(self, task: NotificationTask, recipient: Recipient) -> None:
        """Send what the task says.

        Raises:
            RefusedError: the server will never take this mail: for this address, or with this content.
            MailUnavailableError: it may take it later. In rare cases it has it: when the connection broke before its
                answer came.
        """
        letter = self._letter(task, recipient)
        client, sent = self._client(), False
        try:
            with tracing.within("smtp send", SpanKind.CLIENT):
                async with asyncio.timeout(self._timeout):
                    await client.connect()
                    await client.send_message(letter, sender=self._sender, recipients=[recipient.email])
        except SMTPRecipientsRefused as error:
            raise _refused_by(error.recipients[0]) from error
        except SMTPDataError as error:
            raise _refused_by(error) from error
        except SMTPNotSupported as error:
            raise RefusedError("the mail server does not take such addresses") from error
        except TimeoutError as error:
            raise MailUnavailableError("the mail server does not answer in time") from error
        except (SMTPException, OSError) as error:
            raise MailUnavailableError(line(error)) from error
        else:
            sent = True
        finally:
            if sent:
                self._leave(client)
            else:
                client.close()

    def _client(self) -> SMTP:
        settings = self._settings
        host, _, port = settings.smtp_addr.rpartition(":")
        implicit = settings.smtp_tls == "implicit"
        return SMTP(
            hostname=host,
            port=int(port),
            username=settings.smtp_username,
            password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
            use_tls=implicit,
            # None: where the server offers it.
            start_tls=False if implicit else True if settings.tls_required else None,
            timeout=self._timeout,
        )

    def _leave(self, client: SMTP) -> None:
        """Say goodbye, beside the work: until it is noted that the mail was sent, nothing may come in between."""
        leaving = asyncio.create_task(_leave(client))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def _letter(self, task: NotificationTask, recipient: Recipient) -> EmailMessage:
        if not _ADDRESS.fullmatch(recipient.email):
            raise RefusedError("the user has no usable address")
        mailbox, _, domain = recipient.email.rpartition("@")
        letter = EmailMessage()
        letter["To"] = Address(" ".join(recipient.name.split()), mailbox, domain)
        letter["From"] = self._settings.smtp_from
        letter["Subject"] = task.subject
        letter["Date"] = localtime()
        letter["Message-ID"] = task.message_id(self._domain)
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody answers it by machine
        letter.set_content(task.message)
        return letter


def _refused_by(error: SMTPRecipientRefused | SMTPDataError) -> Exception:
    if error.code >= _PERMANENT:
        return RefusedError(f"the mail server refuses it ({error.code})", " ".join(error.message.split()))
    return MailUnavailableError(f"the mail server does not take it now ({error.code})")


async def _leave(client: SMTP) -> None:
    """Say goodbye; the mail is sent, whatever comes of that."""
    try:
        with contextlib.suppress(SMTPException, OSError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await client.quit()
    finally:
        client.close()
