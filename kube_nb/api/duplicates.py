"""Duplicate fields of a JSON document, which parsers drop silently and a strict request must not have."""

import json

import orjson


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
