"""What the environment says to this service. Each field is the variable of the same name in capitals."""

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from chassis.http.settings import BaseURL
from chassis.kafka.settings import Brokers
from chassis.redis.settings import RedisSettings
from chassis.settings import Port
from delivery_service.domain import MAX_RADIUS_KM, Place, Search
from delivery_service.errors import InvalidDeliveryError

Topic = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]


def _place(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    latitude, _, longitude = value.partition(",")
    try:
        return Place(float(latitude), float(longitude))
    except InvalidDeliveryError as error:
        raise ValueError(str(error)) from error
    except ValueError:
        raise ValueError("must be a latitude and a longitude, such as 52.5200,13.4050") from None


class Settings(RedisSettings):
    """What every process needs."""


class WebSettings(Settings):
    """What the process `web` needs besides."""

    port: Port = 8080


class WorkerSettings(Settings):
    """What the process `worker` needs besides."""

    kafka_brokers: Brokers
    kafka_group: Topic = "delivery"
    orders_topic: Topic = "orders"
    deliveries_topic: Topic = "deliveries"
    pickup_place: Annotated[Place, NoDecode, BeforeValidator(_place)]
    """Where orders are picked up."""
    ride_minutes: Annotated[int, Field(ge=0, le=240)] = 15
    """From there to the door, since orders have no address."""
    search_radius_km: Annotated[float, Field(gt=0, le=MAX_RADIUS_KM)] = 10
    courier_silent_seconds: Annotated[float, Field(gt=0)] = 300
    """Who has not said where they are for so long gets no order."""
    maps_url: BaseURL | None = None
    maps_api_key: SecretStr | None = None

    optional: ClassVar[dict[str, str]] = {
        "maps_url": "times of arrival are estimated by the straight line",
        "maps_api_key": "a maps service that wants a key refuses, and times of arrival are estimated",
    }

    @property
    def search(self) -> Search:
        """Where couriers are looked for."""
        return Search(self.pickup_place, self.search_radius_km, self.courier_silent_seconds)
