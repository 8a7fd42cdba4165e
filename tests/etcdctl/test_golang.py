"""Values in Go's spelling."""

import pytest

from kube_nb.etcdctl import golang, words


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (9, "9 B"), (999, "999 B"), (1000, "1.0 kB"), (20480, "20 kB"), (1_550_000, "1.6 MB")],
)
def test_sizes(size_bytes: int, text: str) -> None:
    assert golang.size(size_bytes) == text


@pytest.mark.parametrize(("id", "text"), [(0x12345, "0000000000012345"), (-5, "-000000000000005")])
def test_lease_ids(id: int, text: str) -> None:
    assert golang.lease(id) == text


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("put a b", ["put", "a", "b"], id="plain"),
        pytest.param('put a "two words"', ["put", "a", "two words"], id="double quotes"),
        pytest.param("put a 'it is'", ["put", "a", "it is"], id="single quotes"),
        pytest.param(r'put a "tab\there \"x\""', ["put", "a", 'tab\there "x"'], id="escapes"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_words_of_a_line(line: str, expected: list[str]) -> None:
    assert words.split(line) == expected
