"""Which handler serves a call; 404 or 405 if none does.

Models apiserver pkg/endpoints/installer.go.
"""

from kube_nb.apiserver import handlers, subresources
from kube_nb.apiserver.call import Call
from kube_nb.apiserver.handlers import Handler
from kube_nb.machinery import errors


def handler(call: Call) -> Handler:
    """By resource, subresource and verb, from the tables of `handlers` and `subresources`."""
    return _of_subresource(call) if call.info.subresource else _of_resource(call)


def _of_resource(call: Call) -> Handler:
    info, kind = call.info, call.resource.kind
    if not _has_path(call):
        raise errors.page_not_found()
    if info.verb not in kind.verbs or not _fits(call):
        raise call.not_allowed()
    special = subresources.RESOURCES.get((info.group_resource, info.verb))
    return special or handlers.VERBS[info.verb]


def _has_path(call: Call) -> bool:
    """Whether any verb has a URL of this form: with a namespace if the kind has them, then with any name."""
    info, kind = call.info, call.resource.kind
    if info.resource == "namespaces" and not info.group:
        return True
    if not kind.namespaced:
        return not info.namespace
    return bool(info.namespace) or not info.name or info.verb in ("list", "watch", "deletecollection")


def _fits(call: Call) -> bool:
    """Whether the URL has the parts that the verb needs: a name or none, a namespace where the kind has them."""
    info, kind = call.info, call.resource.kind
    of_namespaces = info.resource == "namespaces" and not info.group
    if info.verb in ("list", "watch"):
        return kind.namespaced or not info.namespace or of_namespaces
    if kind.namespaced != bool(info.namespace) and not of_namespaces and info.verb != "deletecollection":
        return False
    return bool(info.name) != (info.verb in ("create", "deletecollection"))


def _of_subresource(call: Call) -> Handler:
    info = call.info
    row = call.resource.kind.subresource(info.subresource)
    complete = info.resource == "namespaces" or call.resource.kind.namespaced == bool(info.namespace)
    if row is None or not info.name or not complete:
        raise errors.page_not_found()
    special = subresources.HANDLERS.get((info.group_resource, info.subresource))
    special = special or subresources.HANDLERS.get(("*", info.subresource))
    if info.verb not in row.verbs and not (special and info.verb == "deletecollection"):
        raise call.not_allowed()
    return special or handlers.VERBS[info.verb]
