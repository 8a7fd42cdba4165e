"""``authorizer``: what a policy may ask about the caller's rights. Models apiserver pkg/cel/library/authz.go."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

from kube_nb.machinery.cel.errors import EvalError
from kube_nb.machinery.cel.functions import overload

#: The variable that stands for the resource of the request itself.
REQUEST_RESOURCE = "authorizer.requestResource"


class Verdict(NamedTuple):
    """What the authorizer says. error: "" if it could be asked."""

    allowed: bool
    reason: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """account: (namespace, name) to ask about another than the caller."""

    verb: str = ""
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    account: tuple[str, str] | None = None
    label_selector: str = ""
    field_selector: str = ""


Ask = Callable[[Question], Verdict]


@dataclass(frozen=True, slots=True)
class Authorizer:
    """The start of every chain of calls."""

    CEL_TYPE: ClassVar[str] = "kubernetes.authorization.Authorizer"
    ask: Ask = field(compare=False)
    account: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class PathCheck:
    """``authorizer.path('/healthz')``."""

    CEL_TYPE: ClassVar[str] = "kubernetes.authorization.PathCheck"
    ask: Ask = field(compare=False)
    question: Question


@dataclass(frozen=True, slots=True)
class GroupCheck:
    """``authorizer.group('apps')``."""

    CEL_TYPE: ClassVar[str] = "kubernetes.authorization.GroupCheck"
    ask: Ask = field(compare=False)
    question: Question


@dataclass(frozen=True, slots=True)
class ResourceCheck:
    """``authorizer.group('apps').resource('deployments')``."""

    CEL_TYPE: ClassVar[str] = "kubernetes.authorization.ResourceCheck"
    ask: Ask = field(compare=False)
    question: Question


@dataclass(frozen=True, slots=True)
class Decision:
    """What ``check('get')`` gives."""

    CEL_TYPE: ClassVar[str] = "kubernetes.authorization.Decision"
    verdict: Verdict


@overload("path", "authorizer.(string) -> path_check")
def _path(found: Authorizer, path: str) -> PathCheck:
    if not path:
        raise EvalError("path must not be empty")
    return PathCheck(found.ask, Question(path=path, account=found.account))


@overload("group", "authorizer.(string) -> group_check")
def _group(found: Authorizer, group: str) -> GroupCheck:
    return GroupCheck(found.ask, Question(group=group, account=found.account))


@overload("serviceAccount", "authorizer.(string, string) -> authorizer")
def _service_account(found: Authorizer, namespace: str, name: str) -> Authorizer:
    return Authorizer(found.ask, (namespace, name))


@overload("resource", "group_check.(string) -> resource_check")
def _resource(found: GroupCheck, resource: str) -> ResourceCheck:
    return ResourceCheck(found.ask, replace(found.question, resource=resource))


def _refining(name: str, attribute: str) -> None:
    def refine(found: ResourceCheck, value: str) -> ResourceCheck:
        change: dict[str, Any] = {attribute: value}
        return ResourceCheck(found.ask, replace(found.question, **change))

    overload(name, "resource_check.(string) -> resource_check")(refine)


for _name, _attribute in (
    ("subresource", "subresource"),
    ("namespace", "namespace"),
    ("name", "name"),
    ("labelSelector", "label_selector"),
    ("fieldSelector", "field_selector"),
):
    _refining(_name, _attribute)


@overload("check", "path_check.(string) -> decision", "resource_check.(string) -> decision")
def _check(found: PathCheck | ResourceCheck, verb: str) -> Decision:
    return Decision(found.ask(replace(found.question, verb=verb)))


overload("allowed", "decision.() -> bool")(lambda found: found.verdict.allowed)
overload("reason", "decision.() -> string")(lambda found: found.verdict.reason)
overload("errored", "decision.() -> bool")(lambda found: bool(found.verdict.error))
overload("error", "decision.() -> string")(lambda found: found.verdict.error)
