"""Duplicate fields of a JSON or YAML document, which parsers drop silently and a strict request must not have."""

import json

import orjson
import yaml


def find(data: bytes) -> list[str]:
    """The fields that stand twice in a JSON document: ``['duplicate field "spec.replicas"']``.

    data: a document that was parsed already. Costs one encoding if it was compact and had none.
    """
    if len(orjson.dumps(orjson.loads(data))) == len(data.strip()):
        return []
    found: list[str] = []
    _collect(json.loads(data, object_pairs_hook=_Marked), "", found)
    return [f'duplicate field "{path}"' for path in found]


class _Marked(dict[str, object]):
    """An object that remembers which of its keys stood there twice."""

    def __init__(self, items: list[tuple[str, object]]) -> None:
        super().__init__(items)
        keys = [key for key, _ in items] if len(self) < len(items) else []
        self.twice = [key for index, key in enumerate(keys) if key in keys[:index]]


def _collect(value: object, path: str, found: list[str]) -> None:
    if isinstance(value, _Marked):
        found += [f"{path}.{key}" if path else key for key in value.twice]
        for key, item in value.items():
            _collect(item, f"{path}.{key}" if path else key, found)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _collect(item, f"{path}[{index}]", found)


def find_in_yaml(data: bytes) -> str:
    r"""The same of a YAML document as Go's parser tells it, "" if there is none.

    ``yaml: unmarshal errors:\n  line 3: key "replicas" already set in map``
    """
    try:
        if not find(data):
            return ""
    except ValueError:
        pass  # not JSON, which is YAML that can be searched much faster
    found: list[str] = []
    _compose(yaml.compose(data, getattr(yaml, "CSafeLoader", yaml.SafeLoader)), found, set())
    return "\n  ".join(["yaml: unmarshal errors:", *found]) if found else ""


def _compose(node: yaml.Node | None, found: list[str], seen: set[int]) -> None:
    """seen: the nodes that were looked at already, for aliases lead to the same one again."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _compose(item, found, seen)
    elif isinstance(node, yaml.MappingNode):
        keys: set[tuple[str, str]] = set()
        for key, value in node.value:
            name = (key.tag, str(key.value))
            if name in keys and key.tag != "tag:yaml.org,2002:merge":
                found.append(f'line {key.start_mark.line + 1}: key "{key.value}" already set in map')
            keys.add(name)
            _compose(value, found, seen)
