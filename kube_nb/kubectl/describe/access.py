"""Roles and their bindings."""

from collections.abc import Iterator, Sequence

from kube_nb.kubectl.describe.subject import Subject
from kube_nb.kubectl.describe.writer import shown
from kube_nb.machinery.types import Obj


async def role(s: Subject) -> None:
    s.head(namespaced=False)
    s.labels_and_annotations()
    s.out.line(0, "PolicyRule:")
    s.out.line(1, "Resources", "Non-Resource URLs", "Resource Names", "Verbs")
    s.out.line(1, "---------", "-----------------", "--------------", "-----")
    for row in rule_rows(s.obj.get("rules") or ()):
        s.out.line(1, *row)


def rule_rows(rules: Sequence[Obj]) -> list[tuple[str, str, str, str]]:
    """A row per resource, URL and name, with all of its verbs; as `auth can-i --list` prints them too.

    Models kubectl pkg/util/rbac: rules are taken apart and those that differ in verbs only are joined again.
    """
    joined: dict[tuple[str, str, str, str], list[str]] = {}
    for rule in rules:
        for group, resource, url, name in _parts(rule):
            verbs = joined.setdefault((group, resource, url, name), [])
            verbs += [verb for verb in rule.get("verbs") or () if verb not in verbs]
    rows = []
    for key in sorted(joined, key=lambda key: _text(key, joined[key])):
        group, resource, url, name = key
        rows.append((_named(resource, group), _list(url), _list(name), shown(joined[key])))
    return rows


def _text(key: tuple[str, str, str, str], verbs: list[str]) -> str:
    """What upstream sorts rules by: the printed PolicyRule, verbs first."""
    group, resource, url, name = key
    return f"{shown(verbs)},[{group}],[{resource}],[{name}],[{url}]"


def _parts(rule: Obj) -> Iterator[tuple[str, str, str, str]]:
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for name in rule.get("resourceNames") or ("",):
                yield group, resource, "", name
    for url in rule.get("nonResourceURLs") or ():
        yield "", "", url, ""


def _named(resource: str, group: str) -> str:
    """``pods/log``, ``deployments.apps/status``."""
    name, slash, subresource = resource.partition("/")
    return (f"{name}.{group}" if group else name) + slash + subresource


def _list(text: str) -> str:
    return f"[{text}]"


async def role_binding(s: Subject) -> None:
    s.head(namespaced=False)
    s.labels_and_annotations()
    reference = s.obj.get("roleRef") or {}
    s.out.line(0, "Role:")
    s.out.line(1, "Kind:", reference.get("kind", ""))
    s.out.line(1, "Name:", reference.get("name", ""))
    s.out.line(0, "Subjects:")
    s.out.line(1, "Kind", "Name", "Namespace")
    s.out.line(1, "----", "----", "---------")
    for subject in s.obj.get("subjects") or ():
        s.out.line(1, subject["kind"], subject["name"], subject.get("namespace", ""))
