"""The REST service (X-11): couriers say where they are and what they have brought, others ask where their order is.

Bodies in, domain calls, bodies out. Errors become problems in the chassis. What is answered changes by the second, and
is not to be kept on the way.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis import tracing
from delivery_service.domain import (
    MAX_FOUND,
    MAX_LATITUDE,
    MAX_LONGITUDE,
    MAX_RADIUS_KM,
    Courier,
    Delivery,
    Near,
    Place,
    State,
)
from delivery_service.service import DEFAULT_FOUND, DEFAULT_RADIUS_KM, Deliveries

Latitude = Annotated[float, Field(ge=-MAX_LATITUDE, le=MAX_LATITUDE, examples=[52.52])]
Longitude = Annotated[float, Field(ge=-MAX_LONGITUDE, le=MAX_LONGITUDE, examples=[13.405])]
OrderId = Annotated[str, Path(max_length=64)]
CourierId = Annotated[str, Path(max_length=64)]


class Report(BaseModel):
    """Where a courier is, and whether they work."""

    model_config = ConfigDict(extra="forbid")

    latitude: Latitude
    longitude: Longitude
    available: bool


class CourierBody(BaseModel):
    """A courier."""

    id: str
    latitude: float
    longitude: float
    available: bool
    order_id: str | None

    @classmethod
    def of(cls, courier: Courier) -> "CourierBody":
        """Write a courier."""
        place = courier.place
        return cls(
            id=courier.id,
            latitude=place.latitude,
            longitude=place.longitude,
            available=courier.available,
            order_id=courier.order_id,
        )


class NearBody(BaseModel):
    """A free courier, and how far away they are."""

    courier_id: str
    latitude: float
    longitude: float
    km: float

    @classmethod
    def of(cls, near: Near) -> "NearBody":
        """Write one of those that were found."""
        return cls(
            courier_id=near.courier_id,
            latitude=near.place.latitude,
            longitude=near.place.longitude,
            km=round(near.km, 3),
        )


class Completion(BaseModel):
    """Who has brought an order."""

    model_config = ConfigDict(extra="forbid")

    courier_id: Annotated[str, Field(min_length=1, max_length=64)]


class DeliveryBody(BaseModel):
    """The delivery of an order."""

    order_id: str
    state: State
    courier_id: str | None
    eta_minutes: int | None = Field(description="From the assignment until the courier is at the door")
    eta_estimated: bool | None = Field(
        description="Whether the way to the pickup was measured by the straight line, since no map answered"
    )

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryBody":
        """Write a delivery."""
        return cls(
            order_id=delivery.order_id,
            state=delivery.state,
            courier_id=delivery.courier_id,
            eta_minutes=delivery.eta.minutes if delivery.eta else None,
            eta_estimated=delivery.eta.estimated if delivery.eta else None,
        )


def routes(deliveries: Deliveries) -> APIRouter:
    """What can be asked."""
    router = APIRouter(prefix="/v1", dependencies=[Depends(_not_kept)])

    @router.put("/couriers/{courier_id}", summary="Say where a courier is and whether they work")
    async def report(courier_id: CourierId, body: Report) -> CourierBody:
        place = Place(body.latitude, body.longitude)
        return CourierBody.of(await deliveries.report(courier_id, place, available=body.available))

    @router.get("/couriers/{courier_id}", summary="Where a courier is and what they bring")
    async def courier(courier_id: CourierId) -> CourierBody:
        return CourierBody.of(await deliveries.courier(courier_id))

    @router.get("/couriers", summary="Free couriers around a place, the nearest first")
    async def near(
        latitude: Annotated[Latitude, Query()],
        longitude: Annotated[Longitude, Query()],
        radius_km: Annotated[float, Query(gt=0, le=MAX_RADIUS_KM)] = DEFAULT_RADIUS_KM,
        limit: Annotated[int, Query(ge=1, le=MAX_FOUND)] = DEFAULT_FOUND,
    ) -> list[NearBody]:
        return [NearBody.of(each) for each in await deliveries.near(Place(latitude, longitude), radius_km, limit)]

    @router.get("/deliveries/{order_id}", summary="Where an order is")
    async def delivery(order_id: OrderId) -> DeliveryBody:
        return DeliveryBody.of(await deliveries.get(order_id))

    @router.post(
        "/deliveries/{order_id}/complete", summary="Say that a courier has brought an order; twice is as good as once"
    )
    async def complete(order_id: OrderId, body: Completion) -> DeliveryBody:
        return DeliveryBody.of(await deliveries.complete(order_id, body.courier_id, tracing.outgoing()))

    return router


def _not_kept(_: Request, response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"
