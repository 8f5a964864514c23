"""The API server's rules for names, label keys and label values (k8s.io/apimachinery/pkg/api/validate/content)."""

import re
from typing import Final

LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN: Final = rf"{LABEL}(\.{LABEL})*"
_KEY: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE: Final = f"({_KEY})?"
_LABEL_LENGTH: Final = 63
_SUBDOMAIN_LENGTH: Final = 253

_KEY_DETAIL = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_KEY}')"
)
_VALUE_DETAIL = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'{_VALUE}')"
)
_SUBDOMAIN_DETAIL = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{SUBDOMAIN}')"
)
_LABEL_DETAIL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    f"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{LABEL}')"
)


def subdomain_faults(value: str, unit: str = "characters") -> list[str]:
    """Say what keeps a text from being a DNS subdomain; nothing when it is one."""
    return [*_length(value, _SUBDOMAIN_LENGTH, unit), *([] if re.fullmatch(SUBDOMAIN, value) else [_SUBDOMAIN_DETAIL])]


def label_faults(value: str) -> list[str]:
    """Say what keeps a text from being a DNS label; nothing when it is one."""
    faults = _length(value, _LABEL_LENGTH, "characters")
    if not re.fullmatch(LABEL, value):
        faults.append("must not contain dots" if re.fullmatch(SUBDOMAIN, value) else _LABEL_DETAIL)
    return faults


def label_key_faults(value: str) -> list[str]:
    """Say what keeps a text from being a label key (a qualified name); nothing when it is one."""
    *prefixes, name = value.split("/")
    if len(prefixes) > 1:
        return [
            f"a valid label key {_KEY_DETAIL} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    faults = []
    for prefix in prefixes:
        faults += [
            f"prefix part {each}" for each in (subdomain_faults(prefix, "bytes") if prefix else ["must be non-empty"])
        ]
    faults += [f"name part {each}" for each in (_length(name, _LABEL_LENGTH) if name else ["must be non-empty"])]
    if not re.fullmatch(_KEY, name):
        faults.append(f"name part {_KEY_DETAIL}")
    return faults


def label_value_faults(value: str) -> list[str]:
    """Say what keeps a text from being a label's value; nothing when it is one."""
    return [*_length(value, _LABEL_LENGTH), *([] if re.fullmatch(_VALUE, value) else [_VALUE_DETAIL])]


def _length(value: str, limit: int, unit: str = "bytes") -> list[str]:
    """The API server counts bytes, whatever its message calls them."""
    return [f"must be no more than {limit} {unit}"] if len(value.encode()) > limit else []
