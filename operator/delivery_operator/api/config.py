"""Config (factor III): everything is an environment variable, and no secret is a literal."""

from typing import Final

from pydantic import ConfigDict, Field

from delivery_operator.api.base import Model, rules
from delivery_operator.api.environ import RESERVED
from delivery_operator.api.scalars import CREDENTIAL_NAME, URL_WITH_PASSWORD, VARIABLE, DataKey, ObjectName

_RESERVED_LIST: Final = "[" + ", ".join(f"'{name}'" for name in RESERVED) + "]"


class KeyRef(Model):
    """One key of a Secret or ConfigMap in the service's namespace."""

    name: ObjectName = Field(description="Name of the Secret or ConfigMap.")
    key: DataKey = Field(description="Key in its data.")


class Variable(Model):
    """One environment variable (factor III): a literal or a reference, never a literal secret."""

    value: str | None = Field(
        default=None,
        max_length=16384,
        description="A literal value; kept in an immutable ConfigMap of the release. Not for credentials.",
    )
    secret_key_ref: KeyRef | None = Field(default=None, description="Take the value from a Secret's key.")
    config_map_key_ref: KeyRef | None = Field(default=None, description="Take the value from a ConfigMap's key.")
    optional: bool = Field(
        default=False,
        description="With a reference: start without the variable when the object or key is missing. Default false: "
        "no release is made until it is there (condition ConfigReady).",
    )


CONFIG_RULES: Final = rules(
    (
        f"self.all(k, k.matches('{VARIABLE}'))",
        "config: variable names have letters, digits and '_' and do not start with a digit",
    ),
    (
        "self.all(k, (has(self[k].value) ? 1 : 0) + (has(self[k].secretKeyRef) ? 1 : 0)"
        " + (has(self[k].configMapKeyRef) ? 1 : 0) == 1)",
        "config: give each variable exactly one of value, secretKeyRef and configMapKeyRef",
    ),
    (
        f"self.all(k, !has(self[k].value) || !k.matches('{CREDENTIAL_NAME}'))",
        "config: a variable whose name says it is a credential may not have a literal value; put it in a Secret and "
        "use secretKeyRef",
    ),
    (
        f"self.all(k, !has(self[k].value) || !self[k].value.matches('{URL_WITH_PASSWORD}'))",
        "config: a literal value holds a URL with a password; put it in a Secret and use secretKeyRef or "
        "backingServices",
    ),
    (
        "self.all(k, !has(self[k].optional) || !self[k].optional || !has(self[k].value))",
        "config: optional applies to references; a variable with a value is always there",
    ),
    (
        f"!{_RESERVED_LIST}.exists(name, name in self)",
        f"config: {', '.join(RESERVED)} are set by the operator; use another name",
    ),
)

BINDING_ENV_RULES: Final = rules(
    (
        f"self.all(k, k.matches('{VARIABLE}'))",
        "backingServices[].env: variable names have letters, digits and '_' and do not start with a digit",
    ),
    (
        f"!{_RESERVED_LIST}.exists(name, name in self)",
        f"backingServices[].env: {', '.join(RESERVED)} are set by the operator; use another name",
    ),
)


class ConfigFrom(Model):
    """Every key of a Secret or ConfigMap as an environment variable."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "has(self.secret) != has(self.configMap)",
                "configFrom: give exactly one of secret and configMap",
            ),
        )
    )

    name: str = Field(
        min_length=1, max_length=63, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", description="Name of this entry."
    )
    secret: ObjectName | None = Field(default=None, description="The Secret whose keys are taken.")
    config_map: ObjectName | None = Field(default=None, description="The ConfigMap whose keys are taken.")
    prefix: str = Field(
        default="",
        max_length=64,
        pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$",
        description="Put before each key, e.g. STRIPE_. Default none. A key that is no variable name is left out.",
    )
    optional: bool = Field(
        default=False,
        description="Start without its variables when the object is missing. Default false: no release is made until "
        "it is there (condition ConfigReady).",
    )
