"""The text of ``kubectl explain``: a kind or one of its fields, out of the server's OpenAPI v3 document.

Models kubectl pkg/explain/v2 (templates/plaintext.tmpl).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

_WIDTH = 76
_SCALARS = ("string", "integer", "number", "boolean")
_PREFIX = "#/components/schemas/"


class FieldNotFound(KubectlError):
    """There is no such field; `head` is what kubectl has printed by then."""

    def __init__(self, name: str, head: str) -> None:
        super().__init__(f'error: field "{name}" does not exist')
        self.head = head


@dataclass(frozen=True, slots=True)
class Explainer:
    """schemas: the document's components. gvk: the kind that is explained."""

    schemas: Obj
    gvk: GVK

    def text(self, path: Sequence[str], *, recursive: bool) -> str:
        """The page of a field, or of the kind for an empty path."""
        head = self._head()
        schema = self._kind()
        if schema is None:
            raise KubectlError(f"error: GVR ({self.gvk.api_version}, Kind={self.gvk.kind}) not found in OpenAPI schema")
        for name in path:
            found = (self._body(schema).get("properties") or {}).get(name)
            if found is None:
                raise FieldNotFound(name, head)
            schema = found
        if path:
            head += f"FIELD: {path[-1]} <{self._type(schema)}>\n{_enum_lines(schema)}\n"
            head += "\n" if not schema.get("enum") else ""
        return head + self._description(schema) + self._fields(schema, recursive=recursive)

    def _head(self) -> str:
        group = f"GROUP:      {self.gvk.group}\n" if self.gvk.group else ""
        return f"{group}KIND:       {self.gvk.kind}\nVERSION:    {self.gvk.version}\n\n"

    def _kind(self) -> Obj | None:
        wanted = {"group": self.gvk.group, "version": self.gvk.version, "kind": self.gvk.kind}
        for schema in self.schemas.values():
            if wanted in (schema.get("x-kubernetes-group-version-kind") or ()):
                return dict(schema)
        return None

    # -- schemas -----------------------------------------------------------------------------------------------------

    def _resolved(self, schema: Obj) -> Obj:
        """The schema that a reference names; anything else as it is."""
        reference = _reference(schema)
        return dict(self.schemas.get(reference) or {}) if reference else schema

    def _body(self, schema: Obj) -> Obj:
        """Down through references, lists and maps to the schema that has the fields."""
        schema = self._resolved(schema)
        inner = schema.get("items") or schema.get("additionalProperties")
        return self._body(inner) if isinstance(inner, dict) and "properties" not in schema else schema

    def _type(self, schema: Obj) -> str:
        if isinstance(schema.get("items"), dict):
            return "[]" + self._type(schema["items"])
        if isinstance(schema.get("additionalProperties"), dict):
            return "map[string]" + self._type(schema["additionalProperties"])
        target = self._resolved(schema)
        if target is not schema:
            return str(target["type"]) if target.get("type") in _SCALARS else _reference(schema).rpartition(".")[2]
        kind = str(schema.get("type") or "Object")
        return "Object" if kind == "object" else kind

    # -- sections ----------------------------------------------------------------------------------------------------

    def _description(self, schema: Obj) -> str:
        texts = [schema.get("description")]
        body = self._body(schema)
        if body is not schema:
            texts.append(body.get("description") if body.get("type") not in _SCALARS or "items" in schema else None)
        lines = [_indented(wrap(text), "    ") for text in dict.fromkeys(texts) if text] or ["    <empty>"]
        return "DESCRIPTION:\n" + "\n".join(lines) + "\n    \n"

    def _fields(self, schema: Obj, *, recursive: bool) -> str:
        body = self._body(schema)
        if not body.get("properties"):
            return "\n"
        return "FIELDS:\n" + self._rows(body, 1, recursive=recursive, above=()) + "\n"

    def _rows(self, body: Obj, level: int, *, recursive: bool, above: Sequence[str]) -> str:
        properties, required = body.get("properties") or {}, body.get("required") or ()
        parts = []
        for name in sorted(properties):
            field, indent = properties[name], "  " * level
            mark = " -required-" if name in required else ""
            parts.append(f"{indent}{name}\t<{self._type(field)}>{mark}\n")
            if field.get("enum"):
                parts.append(
                    f"{indent}enum: {', '.join(field['enum'][:4])}{', ....' if len(field['enum']) > 4 else ''}\n"
                )
            if not recursive:
                about = field.get("description") or self._resolved(field).get("description") or "<no description>"
                parts.append(_indented(wrap(about), "    ") + "\n\n")
                continue
            kind = self._type(field).removeprefix("[]").removeprefix("map[string]")
            if kind not in above:
                parts.append(self._rows(self._body(field), level + 1, recursive=True, above=(*above, kind)))
        return "".join(parts)


def _reference(schema: Obj) -> str:
    """The name of the schema that this one stands for, "" if it stands for itself."""
    parts: list[Obj] = schema.get("allOf") or []
    found = schema.get("$ref") or (parts[0].get("$ref") if len(parts) == 1 else "")
    return str(found or "").removeprefix(_PREFIX)


def _enum_lines(schema: Obj) -> str:
    if not schema.get("enum"):
        return ""
    return "ENUM:\n" + "".join(f"    {value}\n" for value in schema["enum"])


def _indented(text: str, indent: str) -> str:
    return indent + text.replace("\n", "\n" + indent)


def wrap(text: str, width: int = _WIDTH) -> str:
    """Break lines at blanks; words longer than a line stay whole, and blanks at a break go."""
    return "\n".join(_wrap_line(line, width) for line in text.split("\n"))


def _wrap_line(line: str, width: int) -> str:
    out, current = "", 0
    blanks, word = "", ""
    for letter in [*line, None]:
        if letter is not None and letter != " ":
            word += letter
            if current + len(blanks) + len(word) > width and len(word) < width:
                out, current, blanks = out + "\n", 0, ""
            continue
        if word:
            out, current = out + blanks + word, current + len(blanks) + len(word)
            blanks, word = "", ""
        blanks += " " if letter else ""
    return out
