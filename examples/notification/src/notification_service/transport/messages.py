"""Events and tasks as JSON. What cannot be read can never be worked on (SN-7, MQ-7)."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from chassis.errors import RejectedError
from chassis.rabbit.queues import WorkQueue
from notification_service.domain import (
    MAX_MESSAGE_LENGTH,
    MAX_NOTIFICATION_ID_LENGTH,
    MAX_USER_ID_LENGTH,
    Event,
    NotificationTask,
)

QUEUE = WorkQueue("notification_queue")
EVENT_ID = "event-id"


def _number_as_text(value: Any) -> Any:
    """Read a number as the text that it is written as: the documents' tasks have numbers for users (SN-3)."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _plain(longest: int) -> AfterValidator:
    def check(value: str) -> str:
        if not value.strip():
            raise ValueError("must not be empty")
        if len(value) > longest:
            raise ValueError(f"must be at most {longest} characters, has {len(value)}")
        if "\x00" in value:
            raise ValueError("must not contain NUL characters")  # PostgreSQL's text cannot hold them
        return value

    return AfterValidator(check)


UserId = Annotated[str, BeforeValidator(_number_as_text), _plain(MAX_USER_ID_LENGTH)]
Id = Annotated[str, _plain(MAX_NOTIFICATION_ID_LENGTH)]


class _Read(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)


class _Task(_Read):
    user_id: UserId
    message: Annotated[str, _plain(MAX_MESSAGE_LENGTH)]
    notification_id: Id


class _Event(_Read):
    event: Id
    id: Id
    user_id: UserId
    eta_minutes: Annotated[int | None, Field(ge=0)] = None


Model = TypeVar("Model", bound=_Read)


def read_task(body: bytes) -> NotificationTask:
    """Read a task.

    Raises:
        RejectedError: it is none; the text says why, without what is in it.
    """
    task = _read(_Task, body)
    return NotificationTask(task.user_id, task.message, task.notification_id)


def write_task(task: NotificationTask) -> bytes:
    """Write a task."""
    fields = {"user_id": task.user_id, "message": task.message, "notification_id": task.notification_id}
    return json.dumps(fields, ensure_ascii=False).encode()


def read_event(body: bytes, headers: Mapping[str, str]) -> Event:
    """Read an event of an order or of a delivery.

    Raises:
        RejectedError: it is none.
    """
    event = _read(_Event, body)
    event_id = headers.get(EVENT_ID) or f"{event.id}:{event.event}"
    return Event(event_id, event.event, event.id, event.user_id, event.eta_minutes)


def _read(model: type[Model], body: bytes) -> Model:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise RejectedError("; ".join(_explain(each["loc"], each["msg"]) for each in error.errors())) from None


def _explain(place: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(map(str, place)) or 'body'}: {message.removeprefix('Value error, ')}"
