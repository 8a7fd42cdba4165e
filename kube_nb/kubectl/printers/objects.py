"""Objects as JSON, YAML and names; the formats that need no template."""

import json
import re
from collections.abc import Sequence
from typing import Any

import yaml

from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Json, Obj


def to_json(obj: Json) -> str:
    """Indented by four, keys sorted, as kubectl prints what comes from a server, with a newline at the end."""
    text = json.dumps(obj, indent=4, ensure_ascii=False, sort_keys=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026") + "\n"


class _Dumper(yaml.CSafeDumper):
    """YAML in the style of sigs.k8s.io/yaml: keys sorted, list items at their parent's column, `|` for many lines."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    if "\n" in text:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
    style = '"' if _reads_as_something_else(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


#: What go-yaml takes for a number or a truth value beyond what PyYAML does.
_GO_SCALAR = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[yYnN]")


def _reads_as_something_else(text: str) -> bool:
    """Whether plain `text` would not read back as text: go-yaml puts it in double quotes, the rest in single ones."""
    if text == "" or _GO_SCALAR.fullmatch(text):
        return True
    resolvers = yaml.SafeLoader.yaml_implicit_resolvers.get(text[0], [])
    return any(pattern.match(text) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:yaml")


_Dumper.add_representer(str, _represent_text)


def to_yaml(obj: Json) -> str:
    """As kubectl prints it: keys sorted, long lines folded at 80 columns (libyaml's emitter is go-yaml's ancestor)."""
    return yaml.dump(obj, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, sort_keys=True)


def name_of(obj: Obj, resource: str = "") -> str:
    """``pod/web`` or ``deployment.apps/web``: the line of ``-o name``. resource: the singular, if known."""
    gvk = GVK.of(obj)
    singular = resource or gvk.kind.lower()
    return (f"{singular}.{gvk.group}" if gvk.group else singular) + "/" + str(obj["metadata"].get("name", ""))


def as_list(objects: Sequence[Obj], metadata: Obj | None = None) -> Obj:
    """A v1 List around objects, as kubectl makes one for several results."""
    return {"apiVersion": "v1", "items": list(objects), "kind": "List", "metadata": metadata or {"resourceVersion": ""}}
