import re

import pytest

from kube_nb.machinery import fields

POD = {"status.phase": "Running", "spec.nodeName": "n1", "metadata.name": "a,b=c\\d"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("status.phase=Running", True),
        ("status.phase==Running", True),
        ("status.phase!=Running", False),
        ("spec.nodeName!=n2,status.phase=Running", True),
        ("spec.unknown=", True),
        ("metadata.name=a\\,b\\=c\\\\d", True),
    ],
)
def test_a_field_selector_matches_as_kubernetes_does(text, expected):
    assert fields.parse(text).matches(lambda path: POD.get(path, "")) is expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("status.phase", "invalid selector: 'status.phase'; can't understand 'status.phase'"),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
        ("a=\\b", "invalid field selector: invalid escape sequence: \\b"),
    ],
)
def test_a_malformed_field_selector_is_refused_in_upstreams_words(text, message):
    with pytest.raises(ValueError, match="^" + re.escape(message) + "$"):
        fields.parse(text)


def test_a_field_selector_prints_what_it_parses():
    assert str(fields.parse("b!=x,a=p\\,q")) == "a=p\\,q,b!=x"
    assert fields.parse("a=b").exact("a") == "b"
