"""Errors for Sentry, where SENTRY_DSN says so (OB-1); the log has them in any case."""

from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from chassis.logs import mask

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

_on = False


def configure(dsn: SecretStr | None, service: str, version: str, secrets: tuple[str, ...]) -> None:
    """Report to this project from now on; None reports nothing."""
    global _on  # noqa: PLW0603 - as sentry_sdk itself: one client per process
    _on = dsn is not None
    if dsn is None:
        return
    # Takes a tenth of a second to import: only where it is used.
    import sentry_sdk  # noqa: PLC0415

    def hide(event: "Event", _hint: "Hint") -> "Event":
        return _masked(event, secrets)  # type: ignore[no-any-return]

    sentry_sdk.init(
        dsn=dsn.get_secret_value(),
        release=f"{service}@{version}",
        server_name=service,
        before_send=hide,
        include_local_variables=False,  # they hold what users sent
        default_integrations=False,  # errors are reported where they are handled, once
    )


def report(error: BaseException) -> None:
    """Report an error of the program."""
    if not _on:
        return
    import sentry_sdk  # noqa: PLC0415

    sentry_sdk.capture_exception(error)


def flush() -> None:
    """Send what is left; takes at most two seconds."""
    if not _on:
        return
    import sentry_sdk  # noqa: PLC0415

    sentry_sdk.flush(timeout=2)


def _masked(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return mask(value, secrets)
    if isinstance(value, dict):
        return {key: _masked(each, secrets) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(each, secrets) for each in value]
    return value
