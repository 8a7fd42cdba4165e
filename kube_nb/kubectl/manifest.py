"""Manifests: YAML or JSON text to objects, with the place of every fault.

A file is split into documents at ``---`` lines before any is parsed, so one document's fault has its own line numbers
and what stands before it is still good. Models apimachinery pkg/util/yaml and cli-runtime pkg/resource/visitor.go.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from kube_nb.machinery.types import Json, Obj

#: The largest request that an API server takes; a document beyond it could never be applied.
MAX_DOCUMENT_BYTES = 3 * 1024 * 1024
#: Beyond this a manifest is refused unread; 5,000 objects of a hundred lines stay well below it.
MAX_MANIFEST_BYTES = 16 * 1024 * 1024
MAX_MANIFEST_LINES = 600_000

_SEPARATOR = re.compile(r"^---(?:[ \t].*)?$", re.MULTILINE)


class ManifestError(ValueError):
    """A manifest that cannot be read. line: where in the whole manifest, from 1; 0 if no line is to blame."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a manifest: its object and the line on which its text begins, from 1."""

    obj: Obj
    line: int


def documents(text: str) -> Iterator[Document]:
    """The manifest's documents in order; `ManifestError` at the first that is no object, after those before it."""
    _refuse_giants(text)
    if text.lstrip()[:1] == "{":
        yield from _json_documents(text)
        return
    for line, part in _split(text):
        value = _load(part, line)
        if value is None:
            continue
        if not isinstance(value, dict):
            what = f"json: cannot unmarshal {_go_kind(value)} into Go value of type unstructured.detector"
            raise ManifestError(f"couldn't get version/kind; json parse error: {what}", line)
        yield Document(value, line)


def _refuse_giants(text: str) -> None:
    if len(text) > MAX_MANIFEST_BYTES:
        limit = MAX_MANIFEST_BYTES // 2**20
        raise ManifestError(f"the manifest has {len(text) / 2**20:.0f} MiB; at most {limit} MiB are read at once")
    lines = text.count("\n")
    if lines > MAX_MANIFEST_LINES:
        raise ManifestError(f"the manifest has {lines} lines; at most {MAX_MANIFEST_LINES} are read at once")


def _split(text: str) -> Iterator[tuple[int, str]]:
    start, line = 0, 1
    for separator in _SEPARATOR.finditer(text):
        yield line, text[start : separator.start()]
        line += text.count("\n", start, separator.end())
        start = separator.end()
    yield line, text[start:]


def _load(text: str, line: int) -> Json:
    if len(text) > MAX_DOCUMENT_BYTES:
        raise ManifestError(f"the document at line {line} is larger than the 3 MiB that an API server takes", line)
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        text = f"error converting YAML to JSON: yaml: {_go_problem(error)}"
        raise ManifestError(text, line + (mark.line if mark else 0)) from None
    except (yaml.YAMLError, ValueError, RecursionError, IndexError, KeyError, AttributeError) as error:
        raise ManifestError(f"error converting YAML to JSON: yaml: {error}", line) from None


def _go_problem(error: yaml.MarkedYAMLError) -> str:
    """The fault as go-yaml words it; it counts lines from 1 for what its scanner finds and from 0 for its parser."""
    problem = error.problem or error.context or "malformed"
    if isinstance(error, yaml.constructor.ConstructorError):
        inside = error.problem_mark.line if error.problem_mark else 0
        return f"unmarshal errors:\n  line {inside + 1}: {problem}"
    marks = [mark.line for mark in (error.context_mark, error.problem_mark) if mark and mark.line]
    if not marks:
        return str(problem)
    return f"line {marks[0] + isinstance(error, yaml.scanner.ScannerError)}: {problem}"


def _json_documents(text: str) -> Iterator[Document]:
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        line = text.count("\n", 0, at) + 1
        try:
            value, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise ManifestError(f"json: line {error.lineno}: {error.msg}", error.lineno) from None
        except RecursionError:
            raise ManifestError("json: exceeded max depth", line) from None
        yield Document(value, line)


class _Loader(yaml.CSafeLoader):
    """YAML with the scalars that JSON knows: dates stay text, keys are text, ``yes`` is true as go-yaml v2 has it."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Obj:
    loader.flatten_mapping(node)
    found: Obj = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        text = _key_text(key)
        if text in found:
            problem = f'key "{text}" already set in map'
            raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
        found[text] = loader.construct_object(value_node, deep=True)
    return found


def _key_text(key: object) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def _go_kind(value: Json) -> str:
    kinds = ((bool, "bool"), ((int, float), "number"), (str, "string"), (list, "array"))
    return next((name for types, name in kinds if isinstance(value, types)), "object")
