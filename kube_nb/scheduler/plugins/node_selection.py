"""Node selector terms (``requiredDuringScheduling...``, ``nodeSelector``), on one node and on columns.

Models component-helpers scheduling/corev1/nodeaffinity/nodeaffinity.go: terms are ORed, requirements of a term ANDed,
a term without requirements matches nothing; the only field is ``metadata.name``.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import orjson

from kube_nb.machinery import labels
from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.framework.interface import Bools
from kube_nb.scheduler.node_info import NodeInfo

_OPERATORS = {
    "In": labels.IN,
    "NotIn": labels.NOT_IN,
    "Exists": labels.EXISTS,
    "DoesNotExist": labels.DOES_NOT_EXIST,
    "Gt": labels.GREATER_THAN,
    "Lt": labels.LESS_THAN,
}
NAME_FIELD = "metadata.name"


class Term:
    """One term: requirements on labels and on the name."""

    def __init__(self, row: Obj) -> None:
        self.expressions = [
            labels.Requirement(each["key"], _OPERATORS[each["operator"]], each.get("values") or ())
            for each in row.get("matchExpressions") or ()
        ]
        self.fields = [
            labels.Requirement(each["key"], _OPERATORS[each["operator"]], each.get("values") or ())
            for each in row.get("matchFields") or ()
        ]
        self.empty = not self.expressions and not self.fields

    def matches(self, node: NodeInfo) -> bool:
        if self.empty:
            return False
        name = {NAME_FIELD: node.name}
        return all(each.matches(node.labels) for each in self.expressions) and all(
            each.matches(name) for each in self.fields
        )

    def matching(self, columns: Columns) -> Bools:
        """Which of all rows match."""
        found = np.full(len(columns.nodes), not self.empty)
        for each in self.expressions:
            found &= requirement_matching(columns, each)
        for each in self.fields:
            found &= np.array([each.matches({NAME_FIELD: name}) for name in columns.names], dtype=bool)
        return found

    def names(self) -> frozenset[str] | None:
        """The only names that can match, None if the term does not say."""
        found: frozenset[str] | None = None
        for each in self.fields:
            if each.operator == labels.IN and each.key == NAME_FIELD:
                found = frozenset(each.values) if found is None else found & frozenset(each.values)
        return found


def requirement_matching(columns: Columns, requirement: labels.Requirement) -> Bools:
    """Which rows' labels meet the requirement: looked up by the label's value."""
    ids, values = columns.domains(requirement.key)
    table = [requirement.matches({requirement.key: value}) for value in values]
    table.append(requirement.matches(None))
    found: Bools = np.array(table, dtype=bool)[ids]
    return found


class Required:
    """``nodeSelector`` and the required terms together; no terms at all (None) means any node."""

    def __init__(self, selector: Mapping[str, str], terms: Sequence[Term] | None) -> None:
        self.selector = [labels.Requirement(key, labels.EQUALS, (value,)) for key, value in selector.items()]
        self.terms = terms

    def matches(self, node: NodeInfo) -> bool:
        if not all(each.matches(node.labels) for each in self.selector):
            return False
        return self.terms is None or any(term.matches(node) for term in self.terms)

    def matching(self, columns: Columns) -> Bools:
        found = np.ones(len(columns.nodes), dtype=bool)
        for each in self.selector:
            found &= requirement_matching(columns, each)
        if self.terms is not None:
            any_term = np.zeros(len(columns.nodes), dtype=bool)
            for term in self.terms:
                any_term |= term.matching(columns)
            found &= any_term
        return found


def terms_of(rows: Iterable[Obj] | None) -> list[Term]:
    return [Term(row) for row in rows or ()]


def required_of(node_selector: Mapping[str, str], node_affinity: Obj) -> Required:
    """What a pod's spec asks of the node; parsed once per content."""
    return _required(orjson.dumps(node_selector), orjson.dumps(_required_rows(node_affinity)))


def _required_rows(node_affinity: Obj) -> Sequence[Obj] | None:
    required = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return None if required is None else required.get("nodeSelectorTerms") or []


@lru_cache(maxsize=4096)
def _required(node_selector: bytes, terms: bytes) -> Required:
    rows = orjson.loads(terms)
    return Required(orjson.loads(node_selector), None if rows is None else terms_of(rows))
