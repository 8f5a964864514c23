"""The rules of the ValidatingAdmissionPolicy: what an environment takes of its services."""

import re

from delivery_operator.api.policy import NAME, RULES, VARIABLES
from docs.markdown import code, page, prose, table


def admission_page() -> str:
    """The page of the policy's rules."""
    return page(
        "What an environment refuses",
        "operator/delivery_operator/api/policy.py",
        f"The ValidatingAdmissionPolicy {code(NAME)} holds each DeliveryService against the "
        "[DeliveryEnvironment](deliveryenvironment.md) that it names, when it is applied. An environment that does not "
        "exist refuses nothing. The rules that need no environment are those of the "
        "[DeliveryService](deliveryservice.md) itself.",
        table(("refused with", "unless"), [(prose(message(rule.message)), code(rule.expression)) for rule in RULES]),
        "## Variables of the rules",
        table(("variable", "is"), [(code(name), code(expression)) for name, expression in VARIABLES]),
    )


def message(expression: str) -> str:
    """A CEL concatenation as a person reads its result: 'image ' + object.spec.image is "image IMAGE"."""
    parts = re.findall(r"'([^']*)'|([a-zA-Z][\w.]*(?:\([^)]*\))?)", expression)
    return "".join(text or _spoken(path) for text, path in parts)


def _spoken(path: str) -> str:
    if path == "params.metadata.name":
        return "ENVIRONMENT"
    return path.split("(", maxsplit=1)[0].removesuffix(".join").rpartition(".")[2].upper()
