"""The errors of this service; see `chassis.errors`."""

from chassis.errors import ServiceError, UnavailableError


class RefusedError(ServiceError):
    """This notification will never reach its user; trying again would change nothing.

    Attributes:
        brief: as the text, without what a mail server says, which may repeat the address.
    """

    def __init__(self, brief: str, detail: str = "") -> None:
        super().__init__(f"{brief}: {detail}" if detail else brief)
        self.brief = brief


class MailUnavailableError(UnavailableError):
    """The mail server does not answer, or does not take the mail now."""

    public = "mail cannot be sent now, try again"
