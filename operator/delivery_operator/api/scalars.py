"""The small types that the models share: names, quantities, patterns, and the rules that go with them."""

from typing import Annotated, Final

from pydantic import Field

from delivery_operator.api.base import rules

_SUBDOMAIN: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
LABEL_KEY: Final = f"^({_SUBDOMAIN}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?$"
DNS_LABEL: Final = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
VARIABLE: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"
URL_WITH_PASSWORD: Final = r"://[^/@:]*:[^/@]+@"  # noqa: S105 a pattern that finds passwords
CREDENTIAL_NAME: Final = r"(^|_)(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|CREDENTIALS?)$"

# In CEL a string literal has its backslashes doubled.
_HOST_PART: Final = "[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?"
_IMAGE_PART: Final = "[a-z0-9]+(([.]|_|__|-+)[a-z0-9]+)*"
_REGISTRY: Final = rf"({_HOST_PART}([.]{_HOST_PART})*|\\[[0-9A-Fa-f:]+\\])(:[0-9]+)?"
IMAGE_PATH: Final = f"({_REGISTRY}/)?{_IMAGE_PART}(/{_IMAGE_PART})*"
IMAGE_TAG: Final = ":[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
IMAGE_DIGEST: Final = "@sha256:[0-9a-f]{64}"
IMAGE_NAME: Final = f"^{IMAGE_PATH}([:@]|$)"
"""Registry and name of an image up to its tag or digest, as runtimes take them (github.com/distribution/reference)."""
TAGGED: Final = rf"^([^/\\s]+/)*[^/:@\\s]+{IMAGE_TAG}$"
DIGEST: Final = rf"^([^/\\s]+/)*[^/@\\s]+{IMAGE_DIGEST}$"
SEMVER: Final = r"^v?[0-9]+\\.[0-9]+\\.[0-9]+(-[0-9A-Za-z.-]+)?([+][0-9A-Za-z.-]+)?$"
COMMIT: Final = r"^[0-9a-f]{7,64}$"

IMAGE_NAME_RULE: Final = (
    f"self.matches('{IMAGE_NAME}')",
    "image is no name of an image: after the registry it has lower-case letters and digits, with '.', '_', '-' or '/' "
    "between them; write it like registry.example.com/shop/order:v1.4.2",
)

Quantity = Annotated[
    str,
    Field(
        pattern=r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$",
        max_length=20,
        description="A Kubernetes quantity, such as 250m (a quarter of a core) or 128Mi.",
    ),
]
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=f"^{_SUBDOMAIN}$")]
Label = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]
"""A DNS label that starts with a letter: the name of a namespace, a service, a process."""
LabelKey = Annotated[str, Field(min_length=1, max_length=317, pattern=LABEL_KEY)]
AnyKey = Annotated[str, Field(min_length=1, max_length=317)]
"""The key of a label or annotation in a map; LABEL_KEYS says what it may be, since a CRD has no patterns for keys."""
LABEL_KEYS: Final = rules(
    (
        f"self.all(k, k.matches('{LABEL_KEY}') && size(k.split('/')[0]) <= 253)",
        "keys of labels and annotations have at most 63 letters, digits, '-', '_' and '.', after a domain if any and "
        "'/', such as topology.kubernetes.io/zone",
    )
)
LabelValue = Annotated[str, Field(max_length=63, pattern=r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")]
AnnotationValue = Annotated[str, Field(max_length=4096)]
DataKey = Annotated[
    str, Field(min_length=1, max_length=253, pattern=r"^([-_a-zA-Z0-9]|[.][-_a-zA-Z0-9])[-._a-zA-Z0-9]*$")
]
"""A key of a Secret or ConfigMap: not "." or "..", nor anything that begins with "..", which are names of folders."""
Command = Annotated[list[Annotated[str, Field(max_length=4096)]], Field(min_length=1, max_length=64)]
VariableName = Annotated[str, Field(max_length=128)]
VariableRef = Annotated[str, Field(min_length=1, max_length=128, pattern=VARIABLE)]
"""The name of an environment variable, as a value."""
PortNumber = Annotated[int, Field(ge=1, le=65535)]
Host = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$",
    ),
]
Path = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^/[-A-Za-z0-9/._~%]*$")]
"""An HTTP path."""
Cidr = Annotated[
    str,
    Field(
        min_length=1,
        max_length=43,
        pattern=r"^([0-9]{1,3}([.][0-9]{1,3}){3}/[0-9]{1,2}|[0-9a-fA-F:]+/[0-9]{1,3})$",
        json_schema_extra=rules(
            (
                "isCIDR(self) && cidr(self).masked() == cidr(self)",
                "an address range must be its first address and the length of its prefix, such as 10.20.0.0/16",
            )
        ),
    ),
]

_STEP = r"(/[1-9][0-9]{0,2})?"


def _field(number: str) -> str:
    item = rf"([*]|{number}(-{number})?){_STEP}"
    return rf"{item}(,{item})*"


_MINUTE = _field("[0-5]?[0-9]")
_HOUR = _field("([01]?[0-9]|2[0-3])")
_DAY = _field("(0?[1-9]|[12][0-9]|3[01])")
_MONTH = _field("(0?[1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)")
_WEEKDAY = _field("([0-6]|SUN|MON|TUE|WED|THU|FRI|SAT)")
CRON: Final = (
    rf"^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|{_MINUTE} {_HOUR} {_DAY} {_MONTH} {_WEEKDAY})$"
)
"""A schedule as a CronJob takes it (https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/)."""

_NAMES: Final = "'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC SUN MON TUE WED THU FRI SAT'"
_RANGE: Final = "schedule: a range must go from less to more, in numbers or in names, such as 8-18 or MON-FRI"
CRON_RULES: Final = rules(
    ("self.findAll('[0-9]+-[0-9]+').all(r, int(r.split('-')[0]) <= int(r.split('-')[1]))", _RANGE),
    (
        f"self.findAll('[A-Z]+-[A-Z]+').all(r, {_NAMES}.indexOf(r.split('-')[0]) <= {_NAMES}.indexOf(r.split('-')[1]))",
        _RANGE,
    ),
    ("!self.matches('[0-9]-[A-Z]|[A-Z]-[0-9]')", _RANGE),
)
