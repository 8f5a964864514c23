"""Checks a bundle as a whole."""

from delivery_operator.render.bundle import Bundle


def check(bundle: Bundle) -> None:
    """Compile it."""
    _ = bundle.templates
