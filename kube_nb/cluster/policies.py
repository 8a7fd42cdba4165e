"""What the API server is told by policy files: who may do what, and how much of it is written down.

Models kube-apiserver's flags ``--authorization-mode``, ``--authorization-policy-file``, ``--audit-policy-file`` and
``--audit-log-path``.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import yaml

from kube_nb.apiserver.audit import EVERYTHING, LEVELS, Audit
from kube_nb.apiserver.authz.abac import Abac
from kube_nb.machinery.refusals import BadArgument
from kube_nb.machinery.types import Obj

MODES = ("Node", "RBAC", "ABAC", "AlwaysAllow")
#: How many events are kept for who asks in the notebook; a file has them all.
KEPT_EVENTS = 10_000


@dataclass(frozen=True, slots=True)
class Policies:
    """modes: authorizers in the order in which they are asked. audit: None keeps no log. events: its newest."""

    modes: tuple[str, ...] = ("Node", "RBAC")
    abac: Abac | None = None
    audit: Audit | None = None
    events: "deque[Obj]" = field(default_factory=deque)

    @classmethod
    def of(
        cls, modes: Sequence[str], abac: "str | Path | None", audit: "Obj | str | Path | bool", log: "Path | None"
    ) -> "Policies":
        """ValueError that names what is wrong, and where."""
        for mode in modes:
            if mode not in MODES:
                raise BadArgument(f"authorization mode {mode!r} is not known; known are {', '.join(MODES)}")
        if ("ABAC" in modes) != (abac is not None):
            raise BadArgument("authorization mode ABAC and a policy file for it go together")
        policies = None if abac is None else Abac.of(_text(abac))
        events: deque[Obj] = deque(maxlen=KEPT_EVENTS)
        if audit is False and log is None:
            return cls(tuple(modes), policies, None, events)
        rules = EVERYTHING if isinstance(audit, bool) else audit_policy(audit)
        return cls(tuple(modes), policies, Audit(_Sink(events, log), rules), events)


class _Sink:
    """Takes each event: into memory, and as a line to the file."""

    def __init__(self, events: "deque[Obj]", log: Path | None) -> None:
        self._events = events
        self._log = log

    def __call__(self, event: Obj) -> None:
        self._events.append(event)
        if self._log is not None:
            with self._log.open("ab") as file:
                file.write(orjson.dumps(event) + b"\n")


def audit_policy(given: "Obj | str | Path") -> Obj:
    """An audit.k8s.io/v1 Policy, as an object, YAML text or a file."""
    try:
        found: Any = given if isinstance(given, dict) else yaml.safe_load(_text(given))
    except yaml.YAMLError as error:
        raise BadArgument(f"the audit policy is no YAML: {error}") from None
    if not isinstance(found, dict) or found.get("kind", "Policy") != "Policy":
        raise BadArgument("the audit policy is no audit.k8s.io/v1 Policy")
    rules = found.get("rules")
    if not isinstance(rules, list) or not rules:
        raise BadArgument("audit policy: rules: Required value: a policy without rules writes nothing down")
    for place, rule in enumerate(rules):
        level = rule.get("level") if isinstance(rule, dict) else rule
        if level not in LEVELS:
            supported = ", ".join(f'"{each}"' for each in LEVELS)
            raise BadArgument(
                f'audit policy: rules[{place}].level: Unsupported value: "{level}": supported: {supported}'
            )
    return found


def _text(given: "str | Path | Obj") -> str:
    """The text itself, if it is none of a path, else what the file holds."""
    if isinstance(given, Path) or (isinstance(given, str) and "\n" not in given and "{" not in given):
        try:
            return Path(given).read_text()
        except OSError as error:
            raise BadArgument(f"policy file {given}: {error.strerror}") from None
    return str(given)
