"""CEL as cel-go evaluates it, in all that rules and policies may use."""

from typing import Any

import pytest

from delivery_operator.admission.expression import EvaluationFailed, Unsupported, expression, value
from delivery_operator.admission.rules import RULES
from delivery_operator.api.crd import DEFINITIONS, crd
from delivery_operator.api.policy import policy

FAILS = object()

TRUE_OF_NOTHING = [
    "!('x' == 'y')",
    "'x' != null",
    "null == null",
    "1 == 1.0",
    "7 / 2 == 3",
    "-7 / 2 == -3",
    "-7 % 2 == -1",
    "'a' < 'b'",
    "'x' in ['y', 'x']",
    "!('x' in {'y': 1})",
    "'a' + string(2) + string(true) + string(1.5) == 'a2true1.5'",
    "int('12') == 12",
    "double(1) == 1.0",
    "size('é𝄞') == 2",
    "size([1, 2]) == 2 && {'a': 1}.size() == 1",
    "[1, 2] + [3] == [1, 2, 3]",
    "'abc'.startsWith('ab') && 'abc'.endsWith('bc') && 'abc'.contains('b')",
    "'a:b:c'.split(':') == ['a', 'b', 'c']",
    "'a:b:c'.split(':', 2) == ['a', 'b:c']",
    "'abc'.split('') == ['a', 'b', 'c'] && 'abc'.split('', 2) == ['a', 'bc'] && 'abc'.split('b', 0) == []",
    "['a', 'b'].join('-') == 'a-b' && ['a', 'b'].join() == 'ab'",
    "'ABé'.lowerAscii() == 'abé' && 'abÉ'.upperAscii() == 'ABÉ'",
    "'abc'.substring(1) == 'bc' && 'abc'.substring(1, 2) == 'b'",
    "'abcc'.indexOf('c') == 2 && 'abcc'.indexOf('c', 3) == 3 && 'abc'.indexOf('x') == -1",
    "'abcc'.lastIndexOf('c') == 3 && 'abcc'.lastIndexOf('c', 2) == 2",
    "'abb'.replace('b', 'x') == 'axx' && 'abb'.replace('b', 'x', 1) == 'axb'",
    "' a '.trim() == 'a' && 'abc'.charAt(1) == 'b' && 'abc'.charAt(3) == ''",
    "'a12b3'.find('[0-9]+') == '12' && 'a'.find('[0-9]') == ''",
    "'a12b3'.findAll('[0-9]+') == ['12', '3'] && 'a1b2'.findAll('[0-9]', 1) == ['1']",
    "'bab'.matches('a') && !'bab'.matches('^a$')",
    "!'a\\n'.matches('^a$')",
    "'\u00a0'.matches('^[^\\\\s]$') && !'é'.matches('^\\\\w$') && !'٣'.matches('^\\\\d$')",
    "'é'.matches('^\\\\pL$') && '𝄞'.matches('^.$') && 'A'.matches('(?i)^a$')",
    "isCIDR('10.0.0.0/8') && isCIDR('10.1.2.3/0') && isCIDR('2001:db8::/64') && isCIDR('::/0')",
    "!isCIDR('10.0.0.0') && !isCIDR('10.0.0.0/33') && !isCIDR('10.0.0.0/08') && !isCIDR('010.0.0.0/8')",
    "!isCIDR('10.0.0/8') && !isCIDR('::ffff:1.2.3.4/96') && !isCIDR('fe80::1%eth0/64') && !isCIDR('a/8')",
    "cidr('10.1.0.0/8').masked() == cidr('10.0.0.0/8') && cidr('10.1.0.0/8') != cidr('10.0.0.0/8')",
    "cidr('2001:DB8::/64') == cidr('2001:db8:0::/64')",
    "isQuantity('1Gi') && isQuantity('250m') && isQuantity('1e3') && isQuantity('.5') && !isQuantity('1gi')",
    "quantity('1Gi').compareTo(quantity('1024Mi')) == 0 && quantity('1e3').compareTo(quantity('1k')) == 0",
    "quantity('1M').isLessThan(quantity('1Mi')) && quantity('1').isGreaterThan(quantity('999m'))",
    "[1, 2].map(x, x * 2) == [2, 4]",
    "[1, 2].map(x, x > 1, x * 2) == [4]",
    "[1, 2].filter(x, x > 1) == [2]",
    "{'a': 1, 'b': 2}.map(k, k).exists(k, k == 'b')",
    "duration('10m') > duration('60s')",
    "timestamp('2024-01-01T00:00:00Z') < timestamp('2025-01-01T00:00:00Z')",
    "type(1) == int",
    "dyn(1) == 1",
    "r'a\\b' == 'a\\\\b'",
]

TABLE: list[tuple[str, Any, Any]] = [
    ("has(self.a)", {"a": 1}, True),
    ("has(self.a)", {}, False),
    ("has(self.a.b)", {"a": {}}, False),
    ("has(self.a.b)", {}, FAILS),
    ("self.a == 1", {}, FAILS),
    ("self['a'] == 1", {}, FAILS),
    ("self.l[5] == 1", {"l": [1]}, FAILS),
    ("1 / self.a == 1", {"a": 0}, FAILS),
    ("9223372036854775807 + self.a > 0", {"a": 1}, FAILS),
    ("!self.a", {"a": 1}, FAILS),
    ("self.a ? true : false", {"a": 1}, FAILS),
    ("'a'.substring(self.a) == ''", {"a": 2}, FAILS),
    ("'a'.substring(1, 0) == ''", {}, FAILS),
    ("'a'.matches(self.a)", {"a": "["}, FAILS),
    ("cidr(self.a) == cidr('::/0')", {"a": "10.0.0.0"}, FAILS),
    ("quantity(self.a).isLessThan(quantity('1'))", {"a": "lots"}, FAILS),
    ("self.a.startsWith('x')", {}, FAILS),
    ("'x'.contains(self.a)", {}, FAILS),
    # An error is absorbed where the other side decides.
    ("self.a > 1 || true", {}, True),
    ("true || self.a > 1", {}, True),
    ("self.a > 1 && false", {}, False),
    ("self.a > 1 && true", {}, FAILS),
    ("self.l.exists_one(x, x.y > 0) || true", {"l": [{}]}, True),
    ("self.l.filter(x, x.y > 0) == [] || true", {"l": [{}]}, True),
    ("self.l.all(x, x.y > 0)", {"l": [{}, {"y": 0}]}, False),
    ("self.l.all(x, x.y > 0)", {"l": [{"y": 1}, {}]}, FAILS),
    ("self.l.exists(x, x.y > 0)", {"l": [{}, {"y": 1}]}, True),
    ("self.l.exists(x, x.y > 0)", {"l": [{}]}, FAILS),
    ("self.l.exists_one(x, x.y > 0)", {"l": [{"y": 1}, {}]}, FAILS),
    ("self.l.map(x, has(x.y), x.y) == [1]", {"l": [{"y": 1}, {}]}, True),
    ("self.l.all(x, x > 0)", {"l": []}, True),
    ("self.l.exists_one(x, x > 1)", {"l": [1, 2]}, True),
    ("self.l.exists_one(x, x > 0)", {"l": [1, 2]}, False),
    ("self.m.all(k, self.m[k] > 0)", {"m": {"a": 1, "b": 2}}, True),
    ("self.m.exists_one(k, self.m[k] > 1)", {"m": {"a": 1, "b": 2}}, True),
    ("self.l.all(x, self.l.exists_one(y, y == x))", {"l": ["a", "a"]}, False),
    ("'x' in self.m ? self.m.x == 1 : true", {"m": {}}, True),
    ("self.a == null", {"a": None}, True),
    ("self.a != null", {"a": {}}, True),
    ("self.a == 'x' || self.a == ['x']", {"a": {"b": 1}}, False),
    ("self['a-b'] == 1", {"a-b": 1}, True),
]

UNSUPPORTED = [
    "self.?a.orValue(1) == 1",
    "self.l.all(i, x, x > i)",
    "cel.bind(x, self.a, x == 1)",
    "sets.contains([1], [1])",
    "isSemver(self.a)",
    "self.l.isSorted()",
    "self.a ==",
]


@pytest.mark.parametrize("text", TRUE_OF_NOTHING)
def test_true_of_nothing(text: str) -> None:
    assert expression(text).evaluate({"self": value({})})


@pytest.mark.parametrize(("text", "self", "wanted"), TABLE)
def test_of_an_object(text: str, self: Any, wanted: Any) -> None:
    variables = {"self": value(self)}
    if wanted is FAILS:
        with pytest.raises(EvaluationFailed):
            expression(text).evaluate(variables)
    else:
        assert bool(expression(text).evaluate(variables)) is wanted


@pytest.mark.parametrize("text", UNSUPPORTED)
def test_what_cannot_be_evaluated_says_so_before_it_is(text: str) -> None:
    with pytest.raises(Unsupported):
        expression(text)


def test_an_expression_knows_its_variables() -> None:
    found = expression("self.all(k, k != oldSelf.name)")
    assert found.uses("oldSelf")
    assert found.uses("self")
    assert not found.uses("name")


TYPED = {
    "type": "object",
    "properties": {
        "namespace": {"type": "string"},
        "a-b": {"type": "integer"},
        "share": {"type": "number"},
        "names": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
}


@pytest.mark.parametrize(
    ("text", "json"),
    [
        ("self.__namespace__ == 'x'", {"namespace": "x"}),
        ("self.a__dash__b == 1", {"a-b": 1}),
        ("self.share / 2.0 == 0.5", {"share": 1}),
        ("self.names['namespace'] == 1", {"names": {"namespace": 1}}),
    ],
)
def test_a_schema_types_values_and_escapes_properties(text: str, json: Any) -> None:
    assert expression(text).evaluate({"self": value(json, TYPED)})


def test_a_float_where_an_integer_belongs_fails_where_it_is_used() -> None:
    variables = {"self": value({"a-b": 1.0}, TYPED)}
    with pytest.raises(EvaluationFailed, match="expected int, got float64"):
        expression("self.a__dash__b == 1").evaluate(variables)
    assert expression("has(self.a__dash__b) == false || true").evaluate(variables)


def _rules(node: Any) -> list[str]:
    if isinstance(node, list):
        return [each for inner in node for each in _rules(inner)]
    if not isinstance(node, dict):
        return []
    own = [rule[name] for rule in node.get(RULES, ()) for name in ("rule", "messageExpression") if name in rule]
    return own + [each for name, inner in node.items() if name != RULES for each in _rules(inner)]


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda each: str(each.kind))
def test_every_rule_of_every_crd_can_be_evaluated(definition: Any) -> None:
    for text in _rules(crd(definition)):
        expression(text)


def test_every_expression_of_the_policy_can_be_evaluated() -> None:
    spec = policy()[0]["spec"]
    for each in (*spec["variables"], *spec["validations"]):
        expression(each["expression"])
        if "messageExpression" in each:
            expression(each["messageExpression"])
