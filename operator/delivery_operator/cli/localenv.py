"""The environment of a container on a laptop: every variable that its pod has, with a value that holds there.

Literals stay as they are. What the kubelet fills in gets a stand-in. What comes from a Secret is the location of the
container that stands for the backing service, or is asked from `.env`, of which only the names are known here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from delivery_operator.api.binding import BackingService
from delivery_operator.cli.backing import KNOWN, Backing
from delivery_operator.render import names

PASSWORD: Final = "password"  # noqa: S105 the name of a key
_REFERENCE: Final = re.compile(r"\$\$|\$\(([^)]*)\)")
"""As the kubelet reads it (k8s.io/kubernetes/third_party/forked/golang/expansion): $$ is a dollar."""
_NO_RELEASE: Final = "0"


@dataclass
class DotEnv:
    """The names that `.env` has to have, or may have, in the order they are met."""

    required: dict[str, str] = field(default_factory=dict)
    optional: dict[str, str] = field(default_factory=dict)

    def require(self, name: str, what: str) -> str:
        """Ask for a value; Compose does not start without it."""
        self.required[name] = what
        return f"${{{name}:?set it in .env}}"

    def may_have(self, name: str, what: str) -> str:
        """Ask for a value that may be missing."""
        self.optional[name] = what
        return f"${{{name}:-}}"

    def example(self) -> str:
        """Write the names, without values, as `.env.example`."""
        lines = ["# What .env has to hold for compose.yaml. Never commit .env."]
        lines += [f"\n# {what}\n{name}=" for name, what in sorted(self.required.items())]
        lines += [f"\n# {what} (may stay empty)\n{name}=" for name, what in sorted(self.optional.items())]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class LocalBinding:
    """A backing service with a container of its own."""

    binding: BackingService
    known: Backing
    host: str
    service: str

    @property
    def uses_password(self) -> bool:
        """Whether a variable of the service holds the password."""
        texts = (self.known.values.get(key, "") for key in self.binding.env.values())
        return PASSWORD in self.binding.env.values() or any("{password}" in text for text in texts)

    def fill(self, text: str, env: DotEnv) -> str:
        """Put host, service and password into a text of the table of backing services."""
        password = ""
        if "{password}" in text:
            name = f"{self.binding.name.upper().replace('-', '_')}_PASSWORD"
            password = env.require(name, f"Password of {self.binding.name}: letters and digits; choose one")
        # The pieces are put in one after the other: the password's own braces must stay.
        return text.replace("{host}", self.host).replace("{service}", self.service).replace("{password}", password)


@dataclass(frozen=True)
class Source:
    """What the variables of a service's containers are made of."""

    service: str
    namespace: str
    literals: Mapping[str, Mapping[str, str]]
    bindings: tuple[LocalBinding, ...]
    env: DotEnv

    def variables(self, container: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, str]:
        """Build the variables of a container, in the order of its pod.

        Args:
            container: the container, as it was rendered.
            labels: of its pod.
        """
        found: dict[str, str] = {}
        for each in container.get("envFrom") or ():
            reference = each.get("configMapRef") or {}
            data = self.literals.get(reference.get("name", ""), {})
            found |= {name: escaped(value) for name, value in data.items()}
        facts = self._facts(labels)
        for each in container.get("env") or ():
            name, value = each["name"], each.get("value")
            if value is not None:
                facts[name] = _expanded(value, facts)
                found[name] = escaped(facts[name])
            elif "fieldRef" in each["valueFrom"]:
                found[name] = escaped(facts[name])
            else:
                found[name] = self._referenced(name, each["valueFrom"])
        return found

    def files(self, container: Mapping[str, Any]) -> list[dict[str, Any]]:
        """List the files with whole Secrets and ConfigMaps of others, one for each: they are not known here."""
        found = []
        for each in container.get("envFrom") or ():
            reference = each.get("secretRef") or each["configMapRef"]
            if reference["name"] not in self.literals:
                found.append({"path": f"{reference['name']}.env", "required": not reference.get("optional", False)})
        return found

    def _facts(self, labels: Mapping[str, str]) -> dict[str, str]:
        role = labels.get(names.PROCESS) or labels.get(names.ROLE, "")
        return {
            "DELIVERY_RELEASE": _NO_RELEASE,
            "POD_NAME": f"{self.service}-{role}",
            "POD_NAMESPACE": self.namespace,
            "POD_IP": "127.0.0.1",
            "NODE_NAME": "localhost",
        }

    def _referenced(self, name: str, source: Mapping[str, Any]) -> str:
        for each in self.bindings:
            key = each.binding.env.get(name, "")
            if key == PASSWORD:
                return each.fill("{password}", self.env)
            if key in each.known.values:
                return each.fill(each.known.values[key], self.env)
        reference = source.get("secretKeyRef") or source["configMapKeyRef"]
        kind = "Secret" if "secretKeyRef" in source else "ConfigMap"
        what = f"In the cluster: key {reference['key']} of {kind} {reference['name']}"
        return self.env.may_have(name, what) if reference.get("optional") else self.env.require(name, what)


def local(bindings: Iterable[BackingService], service: str, taken: frozenset[str]) -> tuple[LocalBinding, ...]:
    """Choose the backing services that get a container, each with a name that no process has."""
    return tuple(
        LocalBinding(each, KNOWN[each.type], f"{each.name}-backing" if each.name in taken else each.name, service)
        for each in bindings
        if each.type in KNOWN
    )


def escaped(value: str) -> str:
    """Write a value so that Compose takes it as it is."""
    return value.replace("$", "$$")


def _expanded(value: str, known: Mapping[str, str]) -> str:
    """Expand $(NAME) as the kubelet does, with what was defined before."""
    return _REFERENCE.sub(lambda match: "$" if match[1] is None else known.get(match[1], match[0]), value)


def expanded(command: Iterable[str], variables: Mapping[str, str]) -> list[str]:
    """Build the words that start a container, with $(NAME) expanded as the kubelet does.

    Args:
        command: the words, as they were rendered.
        variables: the container's, as Compose is told of them.
    """
    return [_filled(word, variables) for word in command]


def _filled(word: str, known: Mapping[str, str]) -> str:
    """Expand $(NAME) with what Compose is told of variables; the rest is taken as it is."""
    found, at = "", 0
    for match in _REFERENCE.finditer(word):
        meant = escaped("$") if match[1] is None else known.get(match[1], escaped(match[0]))
        found += escaped(word[at : match.start()]) + meant
        at = match.end()
    return found + escaped(word[at:])
