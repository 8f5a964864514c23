"""SN-1: mail by SMTP, in clear text or not, and in whose name."""

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest
from others import Postman
from processes import FROM
from pydantic import SecretStr

from notification_service.domain import NotificationTask, Recipient
from notification_service.errors import MailUnavailableError, RefusedError
from notification_service.settings import MailSettings
from notification_service.transport.mail import SmtpMail

TASK = NotificationTask("ada", "Grüße\naus dem Laden", "n")
ADA = Recipient("ada@shop.test", "Ada")
PASSWORD = SecretStr("s3cret-Pa55")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a certificate of 127.0.0.1 and its key."""
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    words = f"req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=mail -keyout {file} -out {file}.crt"
    subprocess.run(
        ["openssl", *words.split(), "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True
    )
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """What a mail server with that certificate offers."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


def mail(address: str, timeout: float = 5, **settings: object) -> SmtpMail:
    return SmtpMail(MailSettings.model_validate({"smtp_addr": address, "smtp_from": FROM, **settings}), timeout)


async def test_clear_text_is_spoken_where_nothing_else_is_offered(postman: Postman, smtp: str) -> None:
    await mail(smtp).send(TASK, ADA)
    assert postman.encrypted == [False]
    assert postman.mails[0].get_content().splitlines() == ["Grüße", "aus dem Laden"]
    assert postman.mails[0]["Subject"] == "Grüße"


async def test_a_mail_is_sent_when_the_server_has_it_and_not_when_it_has_said_goodbye(
    postman: Postman, smtp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SN-8: in between, an end of the process would have it sent again."""
    monkeypatch.setattr("notification_service.transport.mail.LEAVE_SECONDS", 60)
    postman.stays = asyncio.Event()
    async with asyncio.timeout(10):
        await mail(smtp, timeout=60).send(TASK, ADA)
    assert len(postman.mails) == 1
    postman.stays.set()


@pytest.mark.usefixtures("trusted")
async def test_starttls_is_used_where_it_is_offered(postman: Postman, tls: ssl.SSLContext) -> None:
    async with postman.serving(tls) as address:
        await mail(address).send(TASK, ADA)
    assert postman.encrypted == [True]


async def test_a_server_that_nobody_vouches_for_gets_nothing(postman: Postman, tls: ssl.SSLContext) -> None:
    async with postman.serving(tls) as address:
        with pytest.raises(MailUnavailableError, match="certificate"):
            await mail(address).send(TASK, ADA)
    assert postman.mails == []


async def test_nothing_is_sent_in_clear_text_where_tls_is_required(postman: Postman, smtp: str) -> None:
    with pytest.raises(MailUnavailableError, match="STARTTLS"):
        await mail(smtp, smtp_tls="required").send(TASK, ADA)
    assert postman.mails == []


@pytest.mark.usefixtures("trusted")
async def test_tls_from_the_first_byte(postman: Postman, tls: ssl.SSLContext) -> None:
    async with postman.serving(tls, implicit=True) as address:
        await mail(address, smtp_tls="implicit").send(TASK, ADA)
    assert len(postman.mails) == 1


@pytest.mark.usefixtures("trusted")
async def test_a_name_and_a_password_are_told_where_nobody_else_hears(postman: Postman, tls: ssl.SSLContext) -> None:
    async with postman.serving(tls) as address:
        await mail(address, smtp_username="shop", smtp_password=PASSWORD).send(TASK, ADA)
    assert (postman.logins, postman.encrypted) == (["shop"], [True])


async def test_a_password_is_never_told_in_clear_text(postman: Postman, smtp: str) -> None:
    with pytest.raises(MailUnavailableError, match="STARTTLS"):
        await mail(smtp, smtp_username="shop", smtp_password=PASSWORD).send(TASK, ADA)
    assert (postman.logins, postman.mails) == ([], [])


@pytest.mark.usefixtures("trusted")
async def test_a_wrong_password_is_no_fault_of_the_user(postman: Postman, tls: ssl.SSLContext) -> None:
    async with postman.serving(tls) as address:
        with pytest.raises(MailUnavailableError, match="535") as failed:
            await mail(address, smtp_username="shop", smtp_password=SecretStr("wr0ng-Pa55")).send(TASK, ADA)
    assert "wr0ng" not in str(failed.value)


async def test_addresses_beyond_ascii(postman: Postman, smtp: str) -> None:
    await mail(smtp).send(TASK, Recipient("grüße@shop.test", "Grüße, & Söhne"))
    assert postman.recipients == ["grüße@shop.test"]


async def test_a_name_cannot_add_headers(postman: Postman, smtp: str) -> None:
    await mail(smtp).send(TASK, Recipient("ada@shop.test", "Ada\r\nBcc: bob@shop.test\x00"))
    assert postman.mails[0]["Bcc"] is None


async def test_a_refusal_says_what_the_server_said_and_is_brief_for_the_log(postman: Postman, smtp: str) -> None:
    postman.rcpt = "550 5.1.1 <ada@shop.test> is unknown"
    with pytest.raises(RefusedError, match="is unknown") as refused:
        await mail(smtp).send(TASK, ADA)
    assert refused.value.brief == "the mail server refuses it (550)"
