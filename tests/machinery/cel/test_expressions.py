"""CEL: what expressions evaluate to, and what is said of those that do not."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube_nb.machinery import cel
from kube_nb.machinery.cel.types import DYN, INT, STRING, Type
from kube_nb.machinery.cel.values import json_of

REQUEST = Type("kubernetes.AdmissionRequest", (), {"name": STRING, "count": INT})
ENVIRONMENT = cel.Environment({"object": DYN, "request": REQUEST})
OBJECT = {
    "spec": {"nothing": None, "replicas": 2, "list": [1, 2], "names": {"a": "x", "b-c": "y"}},
    "metadata": {"name": "web"},
}


def evaluated(source: str) -> Any:
    return ENVIRONMENT.compile(source).evaluate({"object": OBJECT, "request": {"name": "n", "count": 1}})


VALUES = [
    # operators
    ("1 + 2 * 3 - 4 / 2 % 3", 5),
    ("-7 / 2", -3),
    ("-7 % 3", -1),
    ("7u / 2u == 3u", True),
    ("1.5 + 0.5", 2.0),
    ("'a' + 'b'", "ab"),
    ("[1] + [2]", [1, 2]),
    ("!false && (true || 1 / 0 > 0)", True),
    ("false && 1 / 0 > 0", False),
    ("1 / 0 > 0 || true", True),
    ("true ? 1 : 2", 1),
    ("dyn(1) == 1.0 && dyn(1u) == dyn(1)", True),
    ("dyn(1) == dyn('1')", False),
    ("object.spec.replicas < 2.5", True),
    ("2 in [1, 2] && 'a' in {'a': 1} && !('z' in object.spec)", True),
    ("-9223372036854775808 < 0", True),
    ("0x1F", 31),
    # selection
    ("object.metadata.name", "web"),
    ("object.spec.names['b-c'] + object.spec.names.b__dash__c + object.spec.names.`b-c`", "yyy"),
    ("has(object.spec.nothing) && !has(object.spec.other)", True),
    ("object.spec.nothing == null", True),
    ("object.spec.list[1]", 2),
    ("object.?spec.?other.orValue('none')", "none"),
    ("object.spec.?list[?0].value()", 1),
    ("object[?'spec'].hasValue()", True),
    ("optional.of(3).optMap(x, x + 1).orValue(0)", 4),
    ("optional.none().or(optional.of(2)).value()", 2),
    ("{?'a': optional.of(1), ?'b': optional.none()}", {"a": 1}),
    ("[?optional.none(), 2]", [2]),
    # loops
    ("[1, 2, 3].all(x, x > 0)", True),
    ("[0, 1].exists(x, 1 / x == 1)", True),
    ("[1, 2].exists_one(x, x == 1)", True),
    ("[1, 2, 3].filter(x, x > 1).map(x, x * 2)", [4, 6]),
    ("[1, 2, 3].map(x, x > 1, x * 2)", [4, 6]),
    ("{'a': 1}.all(k, v, k == 'a' && v == 1)", True),
    ("['a', 'b'].transformMap(i, v, v + string(i))", {0: "a0", 1: "b1"}),
    ("{'a': 1}.transformMapEntry(k, v, {v: k})", {1: "a"}),
    ("cel.bind(x, 2, x * x)", 4),
    # strings
    ("'hello'.startsWith('he') && 'hello'.endsWith('lo') && 'hello'.contains('ell')", True),
    ("'foo123'.matches('^[a-z]+[0-9]+$')", True),
    ("'a,b,c'.split(',', 2)", ["a", "b,c"]),
    ("['a', 'b'].join('-')", "a-b"),
    ("'Grüße'.size()", 5),
    ("'abc'.substring(1, 2) + 'abc'.charAt(0)", "ba"),
    ("'AbC'.lowerAscii() + 'x y'.replace(' ', '_') + '  t '.trim()", "abcx_yt"),
    ("'abcabc'.lastIndexOf('b')", 4),
    ("'abc 123'.find('[0-9]+')", "123"),
    ("'1 22 3'.findAll('[0-9]+', 2)", ["1", "22"]),
    ("'%s is %d, %.2f, %x'.format(['a', 2, 1.5, 255])", "a is 2, 1.50, ff"),
    ("'%s'.format([{'b': [1, null], 'a': true}])", "{a: true, b: [1, null]}"),
    (r"'\u00e9\n' + r'\n' + '''a'b'''", "é\n\\na'b"),
    ("base64.encode(b'hi')", "aGk="),
    # conversions and times
    ("string(1.0) + string(2.5) + string(true) + string(b'x')", "12.5truex"),
    ("int('-3') + int(2.9)", -1),
    ("type(1) == int && type('') == string && type([]) == list && type(type(1)) == type", True),
    ("duration('1h30m') == duration('90m') && string(duration('90s')) == '90s'", True),
    ("string(timestamp('2024-02-28T23:00:00Z') + duration('2h'))", "2024-02-29T01:00:00Z"),
    ("timestamp('2024-01-01T00:00:00+02:00').getHours()", 22),
    # Kubernetes' own
    ("quantity('1Gi').isGreaterThan(quantity('1000M'))", True),
    ("quantity('50k').add(20).compareTo(quantity('50020')) + quantity('2').asInteger()", 2),
    ("isQuantity('1x') || !isQuantity('100m')", False),
    ("url('https://user@example.com:8080/p?a=1&a=2').getHost()", "example.com:8080"),
    ("url('https://example.com:80/p?a=1&a=2').getQuery()['a']", ["1", "2"]),
    ("isURL('../relative')", False),
    ("ip('192.168.0.1').family() == 4 && ip('::1').isLoopback() && !isIP('1.2.3')", True),
    ("cidr('10.0.0.0/8').containsIP('10.9.8.7') && !cidr('10.0.0.0/8').containsCIDR('11.0.0.0/16')", True),
    ("string(cidr('10.1.2.3/16').masked())", "10.1.0.0/16"),
    ("format.dns1123Label().validate('ok').hasValue()", False),
    ("format.named('nope').hasValue()", False),
    ("semver('1.2.3').isLessThan(semver('1.10.0')) && isSemver('v1', true)", True),
    ("[3, 1, 2].sort() == [1, 2, 3] && [1, 2].isSorted() && [1, 2].sum() == 3", True),
    ("[1, 5].min() + [1, 5].max() + [7, 8].indexOf(8)", 7),
    ("sets.contains([1, 2], [2]) && sets.intersects([1], [1, 3]) && !sets.equivalent([1], [2])", True),
    ("math.greatest(1, 2) + math.least(3, 4)", 5),
    ("jsonpatch.escapeKey('a/b~c')", "a~1b~0c"),
]


@pytest.mark.parametrize(("source", "value"), VALUES, ids=[source for source, _ in VALUES])
def test_an_expression_has_a_value(source: str, value: Any) -> None:
    found = evaluated(source)
    assert found == value
    assert type(found) is type(value)


COMPILE_FAULTS = [
    ("object.", "1:8: Syntax error: mismatched input '<EOF>' expecting IDENTIFIER", ".......^"),
    ("missing", "1:1: undeclared reference to 'missing' (in container '')", "^"),
    ("missing()", "1:8: undeclared reference to 'missing' (in container '')", ".......^"),
    ("request.nothing", "1:8: undefined field 'nothing'", ".......^"),
    ("1 + 'a'", "1:3: found no matching overload for '_+_' applied to '(int, string)'", "..^"),
    (
        "'a'.startsWith(1)",
        "1:15: found no matching overload for 'startsWith' applied to 'string.(int)'",
        "..............^",
    ),
    ("1 == '1'", "1:3: found no matching overload for '_==_' applied to '(int, string)'", "..^"),
    ("[1, 'a']", "1:5: expected type 'int' but found 'string'", "....^"),
    ("1.all(x, true)", "1:1: expression of type 'int' cannot be range of a comprehension", "^"),
    ("request.name.first", "1:13: type 'string' does not support field selection", "............^"),
    ("'open", "1:1: Syntax error: token recognition error at: '''", "^"),
    ("for", "1:1: reserved identifier: for", "^"),
    ("Thing{a: 1}", "1:6: undeclared reference to 'Thing' (in container '')", ".....^"),
]


@pytest.mark.parametrize(("source", "message", "pointer"), COMPILE_FAULTS, ids=[row[0] for row in COMPILE_FAULTS])
def test_what_does_not_compile_is_pointed_at(source: str, message: str, pointer: str) -> None:
    with pytest.raises(cel.CompileError) as caught:
        ENVIRONMENT.compile(source)
    head, shown, below = str(caught.value).split("\n")
    assert head.startswith(f"ERROR: <input>:{message}")
    assert shown == f" | {source}"
    assert below == f" | {pointer}"


EVAL_FAULTS = [
    ("object.spec.other > 1", "no such key: other"),
    ("object.spec.list[5] == 1", "index out of bounds: 5"),
    ("1 / (object.spec.replicas - 2)", "division by zero"),
    ("9223372036854775807 + 1", "integer overflow"),
    ("int('x')", 'strconv.ParseInt: parsing "x": invalid syntax'),
    ("object.spec.replicas + 'a'", "no such overload"),
    ("optional.none().value()", "optional.none() dereference"),
    ("'a'.matches('[')", "error parsing regexp: missing ]: ["),
    ("duration('x')", 'time: invalid duration "x"'),
    ("[1, 2].all(x, x / 0 == 1)", "division by zero"),
]


@pytest.mark.parametrize(("source", "message"), EVAL_FAULTS, ids=[row[0] for row in EVAL_FAULTS])
def test_what_has_no_value_says_why(source: str, message: str) -> None:
    with pytest.raises(cel.EvalError) as caught:
        evaluated(source)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "source",
    [
        "lists.range(1000).map(a, lists.range(1000).map(b, lists.range(1000).map(c, a + b + c)))",
        "lists.range(9000).all(a, lists.range(9000).all(b, a + b >= 0))",
    ],
)
def test_an_expression_that_takes_too_long_is_stopped(source: str) -> None:
    with pytest.raises(cel.CostExceeded):
        evaluated(source)


@pytest.mark.parametrize(
    "source", ["(" * 500 + "1" + ")" * 500, "!" * 2000 + "true", "1" + "+1" * 3000, "-" * 999 + "x"]
)
def test_what_nests_deep_has_a_value_or_is_refused(source: str) -> None:
    with contextlib.suppress(cel.CelError):
        assert evaluated(source) is not None


def test_a_wrong_type_is_told() -> None:
    with pytest.raises(cel.WrongType, match=r"^must evaluate to string$"):
        ENVIRONMENT.compile("1 + 1", (STRING,))


_WORDS = st.sampled_from(
    [
        *("object", "request", ".", "spec", "[", "]", "(", ")", "{", "}", ",", ":", "?", "&&", "||", "!", "-", "+"),
        *("1", "2u", "1.5", "'a'", "b'x'", "null", "true", "in", "==", "<", "/", "%", "has", "all", "map", "x", "size"),
        *("cel.bind", "optional.of", ".?", "[?", "quantity", "ip", "duration", "matches", "format", "dyn", "Object"),
    ]
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.one_of(st.lists(_WORDS, max_size=14).map("".join), st.lists(_WORDS, max_size=14).map(" ".join), st.text()))
def test_no_text_brings_anything_but_a_value_or_its_own_error(source: str) -> None:
    with contextlib.suppress(cel.CelError):
        json_of(evaluated(source))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
    max_leaves=8,
)
_PROBES = [
    source.replace("object.spec.replicas", "object").replace("object.spec.list", "object").replace("request", "object")
    for source, _ in VALUES
    if "object" in source
] + [
    f"object.{call}"
    for call in ("size()", "matches('a')", "split(',')", "sort()", "sum()", "getHours()", "all(x, x > 1)", "map(x, x)")
]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(_JSON, st.sampled_from(_PROBES))
def test_no_object_brings_anything_but_a_value_or_its_own_error(value: Any, source: str) -> None:
    with contextlib.suppress(cel.CelError):
        ENVIRONMENT.compile(source).evaluate({"object": value, "request": {}})
