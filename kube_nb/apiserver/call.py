"""`Call`: one request on its way through the server, with what the stations found out about it so far."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kube_nb.apiserver.requestinfo import RequestInfo
from kube_nb.machinery import errors
from kube_nb.machinery.exchange import Request, User
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.audit import Record
    from kube_nb.apiserver.fairness import Flow
    from kube_nb.apiserver.fairness.queues import Waiting
    from kube_nb.apiserver.resource import Resource
    from kube_nb.apiserver.server import ApiServer

_FIELD_VALIDATION = ("Ignore", "Warn", "Strict")
#: Upstream's limit of a manager's name.
_MANAGER_LENGTH = 128


_UNKNOWN = RequestInfo("", "other")


@dataclass(slots=True, eq=False)
class Call:
    """resource: None for paths that are no resource. warnings: become Warning headers of the response; annotations:
    of the request's audit event."""

    server: "ApiServer"
    request: Request
    info: RequestInfo
    user: User
    warnings: list[str] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)
    #: Where priority and fairness let it in, None where that does not count; the seats that it has there.
    flow: "Flow | None" = None
    seats: int = 0
    waited: "Waiting | None" = None
    #: What the audit log knows of it; None without a log.
    record: "Record | None" = None
    _resource: "Resource | None" = None
    _dry_run: bool | None = None

    @property
    def resource(self) -> "Resource":
        assert self._resource is not None
        return self._resource

    @resource.setter
    def resource(self, resource: "Resource") -> None:
        self._resource = resource

    @property
    def counted_info(self) -> RequestInfo:
        """What metrics may tell of it: nothing that a client made up, such as a resource that is not served."""
        return self.info if self._resource is not None or not self.info.is_resource else _UNKNOWN

    @property
    def key(self) -> str:
        """The object's key below its resource's prefix."""
        return self.resource.key(self.info.namespace, self.info.name)

    @property
    def dry_run(self) -> bool:
        if self._dry_run is None:
            self._dry_run = _is_dry_run(self.request, {})
        return self._dry_run

    def read_delete_options(self, options: Obj) -> None:
        """DeleteOptions may ask for a dry run in the body."""
        self._dry_run = _is_dry_run(self.request, options)

    @property
    def field_manager(self) -> str:
        """The query's fieldManager, else the user agent up to its slash. Models managerOrUserAgent."""
        manager = self.request.param("fieldManager")
        if not manager:
            return self.request.headers.get("user-agent", "").split("/", 1)[0][:_MANAGER_LENGTH] or "unknown"
        if len(manager.encode()) > _MANAGER_LENGTH:
            fault = errors.FieldError(errors.TOO_LONG, "fieldManager", "", "may not be more than 128 bytes")
            raise errors.invalid("CreateOptions", "meta.k8s.io", "", [fault])
        return manager

    @property
    def field_validation(self) -> str:
        """Ignore, Warn or Strict; Warn if the query does not say."""
        mode = self.request.param("fieldValidation") or "Warn"
        if mode not in _FIELD_VALIDATION:
            supported = ", ".join(f'"{name}"' for name in ("Ignore", "Strict", "Warn"))
            fault = errors.FieldError(errors.NOT_SUPPORTED, "fieldValidation", mode, f"supported values: {supported}")
            raise errors.invalid("CreateOptions", "meta.k8s.io", "", [fault])
        return mode

    def not_allowed(self) -> errors.ApiError:
        text = "the server does not allow this method on the requested resource"
        return errors.ApiError(405, "MethodNotAllowed", text, {})

    def not_found(self, name: str = "") -> errors.ApiError:
        return errors.not_found(self.info.group_resource, name or self.info.name)


def _is_dry_run(request: Request, options: Obj) -> bool:
    values = list(request.query.get("dryRun") or options.get("dryRun") or ())
    if any(value != "All" for value in values):
        wrong = next(value for value in values if value != "All")
        fault = errors.FieldError(errors.NOT_SUPPORTED, "dryRun", wrong, 'supported values: "All"')
        raise errors.invalid("CreateOptions", "meta.k8s.io", "", [fault])
    return bool(values)
