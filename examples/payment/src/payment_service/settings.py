"""What the environment says to this service. Each field is the variable of the same name in capitals."""

from pydantic import SecretStr

from chassis.http.settings import BaseURL
from chassis.settings import Address, Port, Seconds
from chassis.sql.settings import DatabaseSettings


class Settings(DatabaseSettings):
    """What every process needs."""


class SagaSettings(Settings):
    """What those need that go on with payments."""

    stripe_api_key: SecretStr
    stripe_api_base: BaseURL = "https://api.stripe.com"
    stripe_timeout_seconds: Seconds = 3
    """No try takes longer."""
    stripe_retry_pause_seconds: Seconds = 1
    """Before the second of three tries; doubles (SP-2)."""
    order_address: Address


class WebSettings(SagaSettings):
    """What the process `web` needs besides."""

    port: Port = 8080
    stripe_webhook_secret: SecretStr
