import re

import pytest

from kube_nb.machinery import labels

WEB = {"app": "web", "env": "qa", "weight": "7"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app=db", False),
        ("app", True),
        ("!app", False),
        ("!tier", True),
        ("app!=web", False),
        ("tier!=web", True),
        ("env in (production, qa)", True),
        ("env in (production)", False),
        ("env notin (production)", True),
        ("tier notin (a)", True),
        ("tier in (a)", False),
        ("weight>5", True),
        ("weight<5", False),
        ("app>5", False),
        ("app=web,env=qa", True),
        ("app=web,env=prod", False),
        ("app=", False),
        ("in in (in)", False),
        (" app = web , env in ( qa ) ", True),
    ],
)
def test_a_selector_matches_as_kubernetes_does(text, expected):
    assert labels.parse(text).matches(WEB) is expected


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("x in (foo,,baz),y,z notin ()", "x in (,baz,foo),y,z notin ()"),
        ("b=1, a!=2", "a!=2,b=1"),
        ("x=a==b", None),
        ("!x", "!x"),
        ("x>1,z<5", "x>1,z<5"),
        ("notin", "notin"),
        ("x==a", "x==a"),
        ("x=", "x="),
        ("x in (b,a,b)", "x in (a,b)"),
    ],
)
def test_a_selector_prints_sorted_and_normalized(text, canonical):
    if canonical is None:
        with pytest.raises(ValueError, match="found '==', expected: ',' or 'end of string'"):
            labels.parse(text)
    else:
        assert str(labels.parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,", "found '', expected: identifier after ','"),
        (",", "found ',', expected: !, identifier, or 'end of string'"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        (
            "x>a",
            'unable to parse requirement: values[0]: Invalid value: "a": '
            "for 'Gt', 'Lt' operators, the value must be an integer",
        ),
        (
            "a=-b",
            'unable to parse requirement: values[0][a]: Invalid value: "-b": a valid label must be an empty string or '
            "consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
            "character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
            "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        ),
        (
            "-a=b",
            'unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of alphanumeric '
            "characters, '-', '_' or '.', and must start and end with an alphanumeric character "
            "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
            "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        ),
    ],
)
def test_a_malformed_selector_is_refused_in_upstreams_words(text, message):
    with pytest.raises(ValueError, match="^" + re.escape(message) + "$"):
        labels.parse(text)


def test_a_label_selector_object_joins_labels_and_expressions():
    selector = labels.from_label_selector(
        {
            "matchLabels": {"app": "web"},
            "matchExpressions": [
                {"key": "env", "operator": "NotIn", "values": ["prod"]},
                {"key": "weight", "operator": "Exists"},
            ],
        }
    )
    assert selector.matches(WEB)
    assert str(selector) == "app=web,env notin (prod),weight"


def test_no_label_selector_selects_nothing_and_an_empty_one_everything():
    assert not labels.from_label_selector(None).matches(WEB)
    assert labels.from_label_selector({}).matches(None)
    assert labels.from_map({}).matches(None)


def test_an_unknown_operator_is_named():
    with pytest.raises(ValueError, match='"Near" is not a valid label selector operator'):
        labels.from_label_selector({"matchExpressions": [{"key": "a", "operator": "Near"}]})


def test_a_selector_tells_the_one_value_it_demands():
    selector = labels.parse("app in (web),env!=prod")
    assert selector.exact("app") == "web"
    assert selector.exact("env") is None


def test_each_requirement_can_be_asked_alone():
    assert [each.matches(WEB) for each in labels.parse("app=db,env=qa").requirements] == [False, True]
