import pytest

from kube_nb.kubectl import manifest


def objects(text):
    return [document.obj for document in manifest.documents(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: 1\n---\nb: 2\n", [{"a": 1}, {"b": 2}], id="two documents"),
        pytest.param("---\na: 1\n---\n# nothing\n---\n", [{"a": 1}], id="empty documents are passed over"),
        pytest.param('{"a": 1}\n{"b": [2]}', [{"a": 1}, {"b": [2]}], id="JSON documents in a row"),
        pytest.param("when: 2024-01-02\n", [{"when": "2024-01-02"}], id="dates stay text"),
        pytest.param("1: x\ntrue: y\n", [{"1": "x", "true": "y"}], id="keys become text"),
        pytest.param("a: &x {k: 1}\nb: *x\n", [{"a": {"k": 1}, "b": {"k": 1}}], id="anchors"),
        pytest.param("text: |\n  a\n  --- b\n", [{"text": "a\n--- b\n"}], id="indented dashes are text"),
    ],
)
def test_manifests_are_read(text, expected):
    assert objects(text) == expected


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param("a: 1\nb: c: d\n", 2, "mapping values are not allowed in this context", id="nested mapping"),
        pytest.param("a: 1\n---\nok: 1\n---\nx:\n\t- y\n", 6, "found character that cannot start any token", id="tab"),
        pytest.param("a: 1\na: 2\n", 2, 'key "a" already set in map', id="duplicate key"),
        pytest.param("a: [1, 2\n", 2, "did not find expected ',' or ']'", id="unclosed list"),
        pytest.param("- a\n", 1, "cannot unmarshal array into Go value", id="a list is no object"),
        pytest.param('{"a": 1', 1, "json: line 1: Expecting ',' delimiter", id="cut-off JSON"),
    ],
)
def test_faults_name_their_line_in_the_whole_manifest(text, line, message):
    with pytest.raises(manifest.ManifestError, match=r".*") as caught:
        objects(text)
    assert caught.value.line == line
    assert message in str(caught.value)


def test_documents_before_a_fault_are_still_given():
    found = manifest.documents("a: 1\n---\n{\n")
    assert next(found).obj == {"a": 1}
    with pytest.raises(manifest.ManifestError):
        next(found)


@pytest.mark.parametrize("text", ["x" * (20 * 2**20), "a:\n" * 1_000_000], ids=["20 MB", "a million lines"])
def test_giants_are_refused_unread(text):
    with pytest.raises(manifest.ManifestError, match="at once"):
        objects(text)
