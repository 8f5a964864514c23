"""What every model of the API shares: camelCase on the wire, frozen in memory, unknown fields refused."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

GROUP: Final = "delivery.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"


class Model(BaseModel):
    """A frozen part of an object; its docstring and its fields' descriptions are what `kubectl explain` prints."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


def rules(*pairs: tuple[str, str]) -> dict[str, Any]:
    """Put CEL rules on a field or model.

    Args:
        pairs: (rule, message) each; the message says what to write instead.

    Returns:
        The JSON schema extension `x-kubernetes-validations`
        (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules).
    """
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in pairs]}
