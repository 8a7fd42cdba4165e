"""Namespaces, and the quotas and limits that hold in them."""

from collections.abc import Sequence

from kube_nb.api.resources import LIMIT_RANGES, RESOURCE_QUOTAS
from kube_nb.kubectl.describe.subject import Subject
from kube_nb.kubectl.describe.writer import amount, rfc1123
from kube_nb.machinery import quantity
from kube_nb.machinery.types import Obj

_SCOPES = {
    "Terminating": "Matches all pods that have an active deadline. These pods have a limited lifespan on a node before "
    "being actively terminated by the system.",
    "NotTerminating": "Matches all pods that do not have an active deadline. These pods usually include long running "
    "pods whose container command is not expected to terminate.",
    "BestEffort": "Matches all pods that do not have resource requirements set. These pods have a best effort quality "
    "of service.",
    "NotBestEffort": "Matches all pods that have at least one resource requirement set. These pods have a burstable or "
    "guaranteed quality of service.",
}
_LIMIT_COLUMNS = ("Resource", "Min", "Max", "Default Request", "Default Limit", "Max Limit/Request Ratio")
_LIMIT_RULES = ("--------", "---", "---", "---------------", "-------------", "-----------------------")


async def namespace(s: Subject) -> None:
    quotas = await s.find(RESOURCE_QUOTAS, s.name)
    limits = await s.find(LIMIT_RANGES, s.name)
    s.head(namespaced=False)
    s.labels_and_annotations()
    s.out.line(0, "Status:", s.status.get("phase", ""))
    _conditions(s)
    s.out.blank()
    _quotas(s, quotas)
    s.out.blank()
    if not limits:
        s.out.line(0, "No LimitRange resource.")
        return
    s.out.line(0, "Resource Limits")
    s.out.line(0, " Type", *_LIMIT_COLUMNS)
    s.out.line(0, " ----", *_LIMIT_RULES)
    for each in limits:
        _limit_rows(s, each, " ")


def _conditions(s: Subject) -> None:
    rows = s.status.get("conditions")
    if not rows:
        return
    s.out.line(0, "Conditions:")
    s.out.line(1, "Type", "Status", "LastTransitionTime", "Reason", "Message")
    s.out.line(1, "----", "------", "------------------", "------", "-------")
    for row in rows:
        moment = rfc1123(row.get("lastTransitionTime"))
        s.out.line(1, row["type"], row["status"], moment, row.get("reason", ""), row.get("message", ""))


def _quotas(s: Subject, quotas: Sequence[Obj]) -> None:
    if not quotas:
        s.out.line(0, "No resource quota.")
        return
    s.out.line(0, "Resource Quotas")
    for each in sorted(quotas, key=lambda each: str(each["metadata"]["name"])):
        s.out.line(1, "Name:", each["metadata"]["name"])
        _scopes(s, each, 1, "* ")
        s.out.line(1, "Resource", "Used", "Hard")
        s.out.line(1, "--------", "---", "---")
        hard, used = _amounts(each)
        for name in sorted(hard):
            s.out.line(1, name, amount(used.get(name)), amount(hard[name]))


def _scopes(s: Subject, quota: Obj, level: int, bullet: str) -> None:
    scopes = sorted(quota["spec"].get("scopes") or ())
    if scopes:
        s.out.line(level, "Scopes:", ", ".join(scopes))
    for scope in scopes:
        if scope in _SCOPES:
            s.out.line(level, bullet + _SCOPES[scope])


def _amounts(quota: Obj) -> tuple[Obj, Obj]:
    status = quota.get("status") or {}
    return status.get("hard") or {}, status.get("used") or {}


async def resource_quota(s: Subject) -> None:
    s.head()
    _scopes(s, s.obj, 0, " * ")
    s.out.line(0, "Resource", "Used", "Hard")
    s.out.line(0, "--------", "----", "----")
    hard, used = _amounts(s.obj)
    for name in sorted(hard):
        whole, part = quantity.parse(hard[name]), quantity.parse(used.get(name, "0"))
        if whole.format != part.format:
            part = quantity.Quantity(part.value() * 10**9, whole.format)
        s.out.line(0, name, str(part), str(whole))


async def limit_range(s: Subject) -> None:
    s.head()
    s.out.line(0, "Type", *_LIMIT_COLUMNS)
    s.out.line(0, "----", *_LIMIT_RULES)
    _limit_rows(s, s.obj, "")


def _limit_rows(s: Subject, limits: Obj, indent: str) -> None:
    fields = ("min", "max", "defaultRequest", "default", "maxLimitRequestRatio")
    for item in limits["spec"].get("limits") or ():
        names = sorted({name: None for field in fields for name in item.get(field) or ()})
        for name in names:
            cells = [amount(item[field][name]) if name in (item.get(field) or {}) else "-" for field in fields]
            s.out.line(0, f"{indent}{item['type']}", name, *cells)
