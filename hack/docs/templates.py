"""The platform's templates: what each makes, when, and from which variables."""

from collections.abc import Iterator

from jinja2 import Environment, nodes
from jinja2.meta import find_undeclared_variables

from delivery_operator.render.bundle import KINDS, SUFFIX, load
from docs.markdown import code, page, prose, table


def templates_page() -> str:
    """The page of templates."""
    sources = load().sources
    rows = []
    for name in (*KINDS, *sorted(set(sources) - set(KINDS))):
        version, kind = KINDS.get(name, ("", ""))
        makes = f"{code(kind)} of {code(version)}" if kind else "included by others"
        rows.append((code(f"{name}{SUFFIX}"), makes, prose(_comment(sources[name])), _variables(sources[name])))
    return page(
        "Templates",
        "templates",
        "A DeliveryEnvironment can put its own in the place of each: "
        "[override a template](../how-to/override-a-template.md). A template has the variables that the operator's own "
        "of that name uses, and those of what it includes.",
        table(("template", "makes", "", "variables"), rows),
    )


def _comment(source: str) -> str:
    """The comment at the top."""
    lines = []
    for line in source.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return " ".join(lines)


def _variables(source: str) -> str:
    tree = Environment(autoescape=False).parse(source)  # noqa: S701 it is read, not rendered
    given = find_undeclared_variables(tree)
    paths = {path for path in _paths(tree) if path.split(".", maxsplit=1)[0] in given}
    longest = sorted(path for path in paths if not any(other.startswith(f"{path}.") for other in paths))
    return ", ".join(map(code, longest))


def _paths(tree: nodes.Node) -> Iterator[str]:
    """Each name in a template, with what is taken of it: `process`, `process.port`, `process.port.number`."""
    for name in tree.find_all(nodes.Name):
        yield name.name
    for attribute in tree.find_all(nodes.Getattr):
        steps: list[str] = []
        node: nodes.Node = attribute
        while isinstance(node, nodes.Getattr):
            steps.append(node.attr)
            node = node.node
        if isinstance(node, nodes.Name):
            yield ".".join([node.name, *reversed(steps)])
