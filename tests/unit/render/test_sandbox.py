"""Templates are the platform team's: what is wrong in one is named with its place, and none leads out of its data."""

from typing import Any

import pytest

from delivery_operator.render.errors import TemplateError
from delivery_operator.render.sandbox import Templates


def rendered(source: str, **context: Any) -> dict[str, Any]:
    return Templates({"deployment.yaml.j2": source}).render("deployment.yaml.j2", context)


def failure(source: str, **context: Any) -> str:
    with pytest.raises(TemplateError) as caught:
        rendered(source, **context)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        pytest.param("a: 1\nb: {{ nobody }}\n", ("line 2", "'nobody' is undefined"), id="a name"),
        pytest.param("a: {{ x.nobody }}\n", ("line 1", "no attribute 'nobody'"), id="an attribute"),
        pytest.param("a: 1\n\n{% if nobody %}{% endif %}\n", ("line 3", "'nobody' is undefined"), id="in a condition"),
        pytest.param("a: {{ x.a / 0 }}\n", ("line 1", "division by zero"), id="arithmetic"),
        pytest.param("a: {{ x.a + 'b' }}\n", ("line 1", "unsupported operand"), id="types"),
        pytest.param("a: {{ 3 / 2 }}\n", ("line 1", "float 1.5"), id="a number with a fraction"),
        pytest.param("a: {{ {'b': 3 / 2} }}\n", ("line 1", "float 1.5"), id="a number with a fraction inside"),
        pytest.param("a: {{ range }}\n", ("line 1", "reads as function"), id="what is no data"),
        pytest.param("a: 1\n{{ oops\n", ("line 2", "unexpected"), id="syntax"),
        pytest.param("a: {{ 1 | nofilter }}\n", ("line 1", "nofilter"), id="an unknown filter"),
        pytest.param("a: [\n", ("the output is not YAML",), id="output that is not YAML"),
        pytest.param("a: [{{ x.a }}\n", ("the output is not YAML",), id="output that is not YAML, with a value"),
        pytest.param("a: b-{{ x.a }}\n", ("b-{{ ... }}", "join with ~"), id="an expression that is part of a value"),
        pytest.param("{{ x.a }}: 1\n", ("key reads as int 1",), id="a number for a key"),
        pytest.param("{% macro m() %}b{% endmacro %}a: 1\n", ("line 1", "use include"), id="a macro"),
        pytest.param("a: 1\n{% set b %}x{% endset %}\n", ("line 2", "use include"), id="captured text"),
        pytest.param("\n{% call x() %}x{% endcall %}\n", ("line 2", "use include"), id="a call"),
        pytest.param("- a\n", ("not one Kubernetes object",), id="output that is a list"),
        pytest.param("a: 1\n---\nb: 1\n", ("the output is not YAML",), id="two objects"),
        pytest.param("a: 2026-03-01\n", ("date 2026-03-01", "put it in quotes"), id="a date, which JSON has not"),
        pytest.param(
            "on: 1\n", ("key reads as bool True", "put it in quotes"), id="a key that YAML 1.1 takes for a boolean"
        ),
    ],
)
def test_an_error_names_the_template_the_place_and_the_cause(source: str, parts: tuple[str, ...]) -> None:
    message = failure(source, x={"a": 1})
    assert message.startswith("template deployment.yaml.j2")
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    "expression",
    [
        "x.__class__",
        "''.__class__.__mro__",
        "x.items.__self__",
        "x.items.__globals__",
        "range.__init__",
        "self.__init__.__globals__",
        "x|attr('__class__')",
        "lipsum.__globals__['os']",
        "cycler.__init__.__globals__",
        "'{0.__class__}'.format(x)",
        "x.update({'a': 2})",
        "y.append(1)",
        "range(10000000)|list",
    ],
)
def test_the_sandbox_lets_nothing_out(expression: str) -> None:
    assert "deployment.yaml.j2" in failure(f"a: {{{{ {expression} }}}}\n", x={"a": 1}, y=[1])


def test_a_value_of_null_leaves_its_key_out() -> None:
    source = "a: {{ a }}\nb: {c: {{ a }}, d: 1}\ne: [{f: {{ a }}, g: 2}]\n"
    assert rendered(source, a=None) == {"b": {"d": 1}, "e": [{"g": 2}]}


def test_a_constant_is_data_too() -> None:
    assert rendered("a: {{ 'x: y' }}\nb: {{ true }}\n") == {"a": "x: y", "b": True}


def test_an_expression_is_data_with_quotes_or_without_and_as_a_key() -> None:
    source = '{{ name }}: {{ name }}\nb: "{{ name }}"\nc: [{{ name }}, {{ (1, 2) }}]\nd: {{ name | tojson }}\n'
    name = "x: *y {{ z }}"
    assert rendered(source, name=name) == {name: name, "b": name, "c": [name, [1, 2]], "d": f'"{name}"'}
    assert {type(each) for each in rendered(source, name="n").values()} == {str, list}


def test_what_two_services_are_given_is_not_mixed_up() -> None:
    """Their templates' output is the same text, which is parsed once."""
    templates = Templates({"t": "a: {b: {{ x }}}\n"})
    first, second = templates.render("t", {"x": [1]}), templates.render("t", {"x": [2]})
    first["a"]["c"] = 1
    first["a"]["b"].append(3)
    assert second == {"a": {"b": [2]}} == templates.render("t", {"x": [2]})


def test_a_template_includes_a_part_of_its_bundle_where_it_stands() -> None:
    templates = Templates(
        {
            "a.yaml.j2": 'a:\n{% filter indent(2, first=true) %}\n{% include "_b.yaml.j2" %}\n{% endfilter %}\n',
            "_b.yaml.j2": "b: {{ x }}\nc: 1\n",
        }
    )
    assert templates.render("a.yaml.j2", {"x": "two\nlines"}) == {"a": {"b": "two\nlines", "c": 1}}


def test_an_error_in_a_part_names_the_part() -> None:
    templates = Templates({"a.yaml.j2": '{% include "_b.yaml.j2" %}\n', "_b.yaml.j2": "b: 1\nc: {{ nobody }}\n"})
    with pytest.raises(TemplateError, match=r"template _b\.yaml\.j2, line 2: 'nobody' is undefined"):
        templates.render("a.yaml.j2", {})
    templates = Templates({"a.yaml.j2": '{% include "_b.yaml.j2" %}\n', "_b.yaml.j2": "b: 1\nc: {{ oops\n"})
    with pytest.raises(TemplateError, match=r"template _b\.yaml\.j2, line 2"):
        templates.render("a.yaml.j2", {})


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.yaml.j2", "_c.yaml.j2"])
def test_nothing_outside_of_the_bundle_can_be_included(name: str) -> None:
    assert name in failure(f'a: 1\n{{% include "{name}" %}}\n')
