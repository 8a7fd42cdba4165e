"""The parameters of operations, by name, as upstream describes them."""

from typing import NamedTuple

from kube_nb.api.openapi.components import Dialect
from kube_nb.machinery.types import Obj


class Parameter(NamedTuple):
    """A query parameter. type: string, boolean or integer."""

    type: str
    description: str


_RESOURCE_VERSION = (
    "See https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions for details.\n\n"
    "Defaults to unset"
)

QUERY = {
    "allowWatchBookmarks": Parameter(
        "boolean",
        'allowWatchBookmarks requests watch events with type "BOOKMARK". Servers that do not implement bookmarks may '
        "ignore this flag and bookmarks are sent at the server's discretion. Clients should not assume bookmarks are "
        "returned at any specific interval, nor may they assume the server will send any BOOKMARK event during a "
        "session. If this is not a watch, then this field is ignored.",
    ),
    "continue": Parameter(
        "string",
        "The continue option should be set when retrieving more results from the server. The server may reject a "
        "continue value it does not recognize with a 410 ResourceExpired error.",
    ),
    "dryRun": Parameter(
        "string",
        "When present, indicates that modifications should not be persisted. An invalid or unrecognized dryRun "
        "directive will result in an error response and no further processing of the request. Valid values are: - "
        "All: all dry run stages will be processed",
    ),
    "fieldManager": Parameter(
        "string",
        "fieldManager is a name associated with the actor or entity that is making these changes. The value must be "
        "less than or 128 characters long, and only contain printable characters, as defined by "
        "https://golang.org/pkg/unicode/#IsPrint.",
    ),
    "fieldSelector": Parameter(
        "string",
        "A selector to restrict the list of returned objects by their fields. Defaults to everything.",
    ),
    "fieldValidation": Parameter(
        "string",
        "fieldValidation instructs the server on how to handle objects in the request (POST/PUT/PATCH) containing "
        "unknown or duplicate fields. Valid values are: - Ignore: This will ignore any unknown fields that are "
        "silently dropped from the object, and will ignore all but the last duplicate field that the decoder "
        "encounters. - Warn: This will send a warning via the standard warning response header for each unknown field "
        "that is dropped from the object, and for each duplicate field that is encountered. - Strict: This will fail "
        "the request with a BadRequest error if any unknown fields would be dropped from the object, or if any "
        "duplicate fields are present.",
    ),
    "force": Parameter(
        "boolean",
        'Force is going to "force" Apply requests. It means user will re-acquire conflicting fields owned by other '
        "people. Force flag must be unset for non-apply patch requests.",
    ),
    "gracePeriodSeconds": Parameter(
        "integer",
        "The duration in seconds before the object should be deleted. Value must be non-negative integer. The value "
        "zero indicates delete immediately. If this value is nil, the default grace period for the specified type "
        "will be used. Defaults to a per object value if not specified. zero means delete immediately.",
    ),
    "labelSelector": Parameter(
        "string",
        "A selector to restrict the list of returned objects by their labels. Defaults to everything.",
    ),
    "limit": Parameter(
        "integer",
        "limit is a maximum number of responses to return for a list call. If more items exist, the server will set "
        "the `continue` field on the list metadata to a value that can be used with the same initial query to "
        "retrieve the next set of results.",
    ),
    "orphanDependents": Parameter(
        "boolean",
        "Deprecated: please use the PropagationPolicy, this field will be deprecated in 1.7. Should the dependent "
        'objects be orphaned. If true/false, the "orphan" finalizer will be added to/removed from the object\'s '
        "finalizers list. Either this field or PropagationPolicy may be set, but not both.",
    ),
    "pretty": Parameter(
        "string",
        "If 'true', then the output is pretty printed. Defaults to 'false' unless the user-agent indicates a browser "
        "or command-line HTTP tool (curl and wget).",
    ),
    "propagationPolicy": Parameter(
        "string",
        "Whether and how garbage collection will be performed. Either this field or OrphanDependents may be set, but "
        "not both. Acceptable values are: 'Orphan' - orphan the dependents; 'Background' - allow the garbage "
        "collector to delete the dependents in the background; 'Foreground' - a cascading policy that deletes all "
        "dependents in the foreground.",
    ),
    "resourceVersion": Parameter(
        "string",
        "resourceVersion sets a constraint on what resource "
        "versions a request may be served from. " + _RESOURCE_VERSION,
    ),
    "resourceVersionMatch": Parameter(
        "string",
        "resourceVersionMatch determines how resourceVersion is applied to list calls. It is highly recommended that "
        "resourceVersionMatch be set for list calls where resourceVersion is set " + _RESOURCE_VERSION,
    ),
    "sendInitialEvents": Parameter(
        "boolean",
        "`sendInitialEvents=true` may be set together with `watch=true`. In that case, the watch stream will begin "
        "with synthetic events to produce the current state of objects in the collection.",
    ),
    "timeoutSeconds": Parameter(
        "integer",
        "Timeout for the list/watch call. This limits the duration of the call, regardless of any activity or "
        "inactivity.",
    ),
    "watch": Parameter(
        "boolean",
        "Watch for changes to the described resources and return them as a stream of add, update, and remove "
        "notifications. Specify resourceVersion.",
    ),
}

LIST = (
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
)
WRITE = ("dryRun", "fieldManager", "fieldValidation")
PATCH = (*WRITE, "force")
DELETE = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")
DELETE_COLLECTION = (
    "continue",
    "dryRun",
    "fieldSelector",
    "gracePeriodSeconds",
    "labelSelector",
    "limit",
    "orphanDependents",
    "propagationPolicy",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
)

_LOG = {
    "container": ("string", "The container for which to stream logs. Defaults to only container if there is one."),
    "follow": ("boolean", "Follow the log stream of the pod. Defaults to false."),
    "insecureSkipTLSVerifyBackend": ("boolean", "Skip verifying the serving certificate of the backend."),
    "limitBytes": ("integer", "If set, the number of bytes to read from the server before terminating the output."),
    "previous": ("boolean", "Return previous terminated container logs. Defaults to false."),
    "sinceSeconds": ("integer", "A relative time in seconds before the current time from which to show logs."),
    "stream": ("string", "Specify which container log stream to return: All, Stdout or Stderr."),
    "tailLines": ("integer", "If set, the number of lines from the end of the logs to show."),
    "timestamps": ("boolean", "If true, add an RFC3339 timestamp at the beginning of every line of log output."),
}
_STREAMS = {
    "stdin": ("boolean", "Redirect the standard input stream of the pod for this call."),
    "stdout": ("boolean", "Redirect the standard output stream of the pod for this call."),
    "stderr": ("boolean", "Redirect the standard error stream of the pod for this call."),
    "tty": ("boolean", "If true, a tty will be allocated for the call."),
    "container": ("string", "The container in which to act. Defaults to only container if there is only one."),
}
#: Subresource -> the parameters of its own.
SUBRESOURCES: dict[str, dict[str, tuple[str, str]]] = {
    "attach": _STREAMS,
    "exec": {**_STREAMS, "command": ("string", "Command is the remote command to execute. argv array.")},
    "log": _LOG,
    "portforward": {"ports": ("integer", "List of ports to forward. Required when using WebSockets")},
    "proxy": {"path": ("string", "Path is the URL path to use for the current proxy request.")},
}


def query(name: str, dialect: Dialect, subresource: str = "") -> Obj:
    own = SUBRESOURCES.get(subresource, {}).get(name)
    found = Parameter(*own) if own is not None else QUERY[name]
    return _parameter(name, "query", found, dialect)


def path(name: str, description: str, dialect: Dialect) -> Obj:
    return {**_parameter(name, "path", Parameter("string", description), dialect), "required": True}


def _parameter(name: str, where: str, parameter: Parameter, dialect: Dialect) -> Obj:
    head: Obj = {"name": name, "in": where, "description": parameter.description}
    schema: Obj = {"type": parameter.type, "uniqueItems": True}
    return {**head, **schema} if dialect.version == 2 else {**head, "schema": schema}
