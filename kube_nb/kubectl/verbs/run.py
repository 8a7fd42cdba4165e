"""``kubectl run`` and ``kubectl expose``. Models kubectl pkg/cmd/run and pkg/cmd/expose."""

import json
from collections.abc import Sequence

from kube_nb.api.resources import SERVICES
from kube_nb.kubectl import changes, last_applied, resources, workloads
from kube_nb.kubectl.command import Command, Invocation, usage_error
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.verbs import run_attached
from kube_nb.machinery import names
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.patch import merge
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

_RESTART = ("Always", "OnFailure", "Never")


async def _run(inv: Invocation) -> None:
    if not inv["image"]:
        raise KubectlError('error: required flag(s) "image" not set')
    if len(inv.args) < 1:
        raise usage_error("kubectl run", "NAME is required for run")
    if inv["restart"] not in _RESTART:
        raise usage_error("kubectl run", f"invalid restart policy: {inv['restart']}")
    if inv["expose"] and not inv["port"]:
        raise usage_error("kubectl run", "--port must be set when exposing a service")
    attached = run_attached.is_wanted(inv)
    if inv["rm"] and not attached:
        raise usage_error("kubectl run", "--rm should only be used for attached containers")
    if attached and changes.dry_run(inv) != "none":
        raise usage_error("kubectl run", "--dry-run=[server|client] can't be used with attached containers options")
    name, words = inv.args[0], inv.args[1:]
    pod = _overridden(inv, _pod(inv, name, words))
    mapped = await _target(inv, pod)
    stored = await changes.create(inv, mapped, pod)
    if inv["expose"]:
        port = workloads.port_number(inv["port"])
        ports = [{"port": port, "protocol": "TCP", "targetPort": port}]
        selector = pod["metadata"]["labels"]
        service = workloads.service(name, selector=selector, ports=ports, labels={})
        target = await _target(inv, service)
        changes.report(inv, target, changes.as_typed(await changes.create(inv, target, service)), "created")
    if attached:
        inv.result.objects.append(stored)
        await run_attached.follow(inv, mapped)
        return
    changes.report(inv, mapped, changes.as_typed(stored), "created")


def _pod(inv: Invocation, name: str, words: Sequence[str]) -> Obj:
    labels = pairs(inv["labels"], "labels") or {"run": name}
    spec: Obj = {"restartPolicy": inv["restart"]}
    pod = workloads.pod(
        name,
        inv["image"],
        labels=labels,
        command=words if inv["command"] else (),
        args=() if inv["command"] else words,
        spec=spec,
    )
    container = pod["spec"]["containers"][0]
    if inv["env"]:
        container["env"] = [{"name": key, "value": value} for key, value in _variables(inv["env"])]
    if inv["port"]:
        container["ports"] = [{"containerPort": workloads.port_number(inv["port"])}]
    if inv["image-pull-policy"]:
        container["imagePullPolicy"] = inv["image-pull-policy"]
    if inv["privileged"]:
        container["securityContext"] = {"privileged": True}
    if inv["stdin"]:
        container |= {"stdin": True, "stdinOnce": True}
    if inv["tty"]:
        container["tty"] = True
    if inv["annotations"]:
        pod["metadata"]["annotations"] = dict(_variables(inv["annotations"]))
    return pod


def pairs(texts: str | Sequence[str], what: str) -> dict[str, str]:
    """``a=1,b=2`` as a mapping."""
    words = texts.split(",") if isinstance(texts, str) else texts
    found = [word.partition("=") for word in words if word]
    if any(not equals for _, equals, _ in found):
        raise KubectlError(f"error: unexpected {what} format: {texts}")
    return {key: value for key, _, value in found}


def _variables(texts: Sequence[str]) -> list[tuple[str, str]]:
    found = [text.partition("=") for text in texts]
    for text, (key, equals, _) in zip(texts, found, strict=True):
        if not equals or not key:
            raise KubectlError(f"error: invalid env: {text}")
    return [(key, value) for key, _, value in found]


def _overridden(inv: Invocation, obj: Obj) -> Obj:
    """The object with ``--overrides`` merged in."""
    if not inv["overrides"]:
        return obj
    try:
        merged: Obj = merge.apply(obj, json.loads(inv["overrides"]))
    except json.JSONDecodeError as error:
        raise KubectlError(f"error: --overrides is not JSON: {error}") from None
    return merged


async def _target(inv: Invocation, obj: Obj) -> resources.Target:
    mapping = await inv.session.mapper.kind(GVK.of(obj))
    assert mapping is not None
    return resources.Target(mapping, inv.namespace, obj["metadata"]["name"], obj)


# -- expose ------------------------------------------------------------------------------------------------------------


async def _expose(inv: Invocation) -> None:
    for target in await resources.targets(inv):
        try:
            await _expose_one(inv, target)
        except ApiError as error:
            inv.fail(resources.message_of(error))


async def _expose_one(inv: Invocation, target: resources.Target) -> None:
    obj = await resources.read(inv, target)
    selector = pairs(inv["selector"], "selector") if inv["selector"] else _selector(target, obj)
    name = inv["name"] or target.name
    if faults := names.is_dns1035_label(name):
        raise KubectlError(f'The Service "{name}" is invalid: metadata.name: Invalid value: "{name}": {faults[0]}')
    labels = pairs(inv["labels"], "labels") if inv["labels"] else obj["metadata"].get("labels") or {}
    spec: Obj = {}
    for flag, field in (
        ("cluster-ip", "clusterIP"),
        ("session-affinity", "sessionAffinity"),
        ("load-balancer-ip", "loadBalancerIP"),
    ):
        if inv[flag]:
            spec[field] = inv[flag]
    if inv["external-ip"]:
        spec["externalIPs"] = [inv["external-ip"]]
    ports = _ports(inv, obj)
    if not ports and inv["cluster-ip"] != "None":
        raise KubectlError(
            "error: couldn't find port via --port flag or introspection\nSee 'kubectl expose -h' for help and examples"
        )
    service = workloads.service(name, selector=selector, ports=ports, labels=labels, type=inv["type"], spec=spec)
    mapping = await inv.session.mapper.kind(GVK(*SERVICES[:2], "Service"))
    assert mapping is not None
    made = resources.Target(mapping, target.namespace, name, service)
    stored = await changes.create(inv, made, _overridden(inv, service))
    changes.report(inv, made, changes.as_typed(stored), "exposed")


def _selector(target: resources.Target, obj: Obj) -> dict[str, str]:
    """What the new service selects by. Models polymorphichelpers' mapBasedSelectorForObject."""
    kind = target.mapping.kind
    if kind == "Pod":
        found = obj["metadata"].get("labels") or {}
        if not found:
            raise KubectlError(
                "error: couldn't retrieve selectors via --selector flag or introspection: the pod has "
                "no labels and cannot be exposed\nSee 'kubectl expose -h' for help and examples"
            )
        return dict(found)
    if kind in ("Service", "ReplicationController"):
        return dict(obj["spec"].get("selector") or {})
    if kind in ("Deployment", "ReplicaSet"):
        selector = obj["spec"].get("selector") or {}
        if selector.get("matchExpressions"):
            raise KubectlError(
                "error: couldn't retrieve selectors via --selector flag or introspection: couldn't "
                'convert expressions - "' + str(selector["matchExpressions"]) + '" to map-based selector '
                "format"
            )
        return dict(selector.get("matchLabels") or {})
    raise KubectlError(f"error: cannot expose a {kind}")


def _ports(inv: Invocation, obj: Obj) -> list[Obj]:
    protocol, target = inv["protocol"] or "TCP", inv["target-port"]
    if inv["port"]:
        numbers = [workloads.port_number(each) for each in inv["port"].split(",")]
        found = [(number, protocol) for number in numbers]
    else:
        found = _ports_of(obj)
    several = len(found) > 1
    return [
        {
            **({"name": f"port-{index}"} if several else {}),
            "port": number,
            "protocol": proto,
            "targetPort": workloads.target_port(target) if target else number,
        }
        for index, (number, proto) in enumerate(found, 1)
    ]


def _ports_of(obj: Obj) -> list[tuple[int, str]]:
    spec = obj["spec"]
    if obj["kind"] == "Service":
        return [(port["port"], port.get("protocol", "TCP")) for port in spec.get("ports") or []]
    containers = (spec.get("template") or {"spec": spec})["spec"]["containers"]
    ports = [port for container in containers for port in container.get("ports") or []]
    return list(dict.fromkeys((port["containerPort"], port.get("protocol", "TCP")) for port in ports))


RUN = Command(
    name="run",
    about="Create and run a particular image in a pod.",
    usage='kubectl run NAME --image=image [--env="key=value"] [--port=port] [--dry-run=server|client] '
    "[--overrides=inline-json] [--command] -- [COMMAND] [args...] [options]",
    examples="""\
  # Start a nginx pod
  kubectl run nginx --image=nginx

  # Start a busybox pod that sleeps, with a custom command
  kubectl run sleeper --image=busybox --command -- sleep 3600

  # Start a nginx pod and expose its port as a service
  kubectl run web --image=nginx --port=80 --expose""",
    run=_run,
    flags=(
        Flag("image", help="The image for the container to run."),
        Flag("annotations", "array", help="Annotations to apply to the pod."),
        Flag("command", "bool", help="If true and extra arguments are present, use them as the 'command' field."),
        Flag("attach", "bool", help="If true, wait for the Pod to start running, and then attach to it."),
        Flag("env", "array", help="Environment variables to set in the container."),
        Flag("pod-running-timeout", "duration", default="1m0s", help="The time to wait until a pod is running."),
        Flag("privileged", "bool", help="If true, run the container in privileged mode."),
        Flag("quiet", "bool", short="q", help="If true, suppress prompt messages."),
        Flag("rm", "bool", help="If true, delete the pod after it exits. Only valid when attaching."),
        Flag("stdin", "bool", short="i", help="Keep stdin open on the container in the pod."),
        Flag("tty", "bool", short="t", help="Allocate a TTY for the container in the pod."),
        last_applied.SAVE_CONFIG,
        Flag("expose", "bool", help="If true, create a ClusterIP service associated with the pod. Requires `--port`."),
        Flag("image-pull-policy", help="The image pull policy for the container."),
        Flag("labels", short="l", help="Comma separated labels to apply to the pod."),
        Flag("overrides", help="An inline JSON override for the generated object."),
        Flag("port", help="The port that this container exposes."),
        Flag(
            "restart",
            default="Always",
            help="The restart policy for this Pod. Legal values [Always, OnFailure, Never].",
        ),
        *changes.change_flags("kubectl-run"),
    ),
)
EXPOSE = Command(
    name="expose",
    about="Expose a resource as a new Kubernetes service. Looks up a deployment, service, replica set, replication "
    "controller or pod by name and uses its selector for a new service.",
    usage="kubectl expose (-f FILENAME | TYPE NAME) [--port=port] [--protocol=TCP|UDP|SCTP] "
    "[--target-port=number-or-name] [--name=name] [--external-ip=external-ip-of-service] [--type=type] [options]",
    examples="""\
  # Create a service for a deployment nginx, which serves on port 80 and connects to the containers on port 8000
  kubectl expose deployment nginx --port=80 --target-port=8000""",
    run=_expose,
    flags=(
        *resources.FILENAME_FLAGS,
        Flag("selector", help="A label selector to use for this service."),
        Flag("name", help="The name for the newly created object."),
        Flag("port", help="The port that the service should serve on."),
        Flag("target-port", help="Name or number for the port on the container that the service should direct to."),
        Flag("protocol", help="The network protocol for the service to be created. Default is 'TCP'."),
        Flag("type", help="Type for this service: ClusterIP, NodePort, LoadBalancer, or ExternalName."),
        Flag("labels", short="l", help="Labels to apply to the service created by this call."),
        Flag("cluster-ip", help="ClusterIP to be assigned to the service. Leave empty to auto-allocate."),
        Flag("external-ip", help="Additional external IP address to be accepted for the service."),
        Flag("load-balancer-ip", help="IP to assign to the LoadBalancer."),
        Flag("session-affinity", help="If non-empty, set the session affinity for the service to this."),
        Flag("overrides", help="An inline JSON override for the generated object."),
        last_applied.SAVE_CONFIG,
        *changes.change_flags("kubectl-expose"),
    ),
)
