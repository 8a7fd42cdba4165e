"""From a pod's spec to what the runtime is told: sandbox and container configurations, hosts and resolv.conf."""

from collections.abc import Mapping, Sequence

from kube_nb.cri.files import Directory, File
from kube_nb.cri.runtime import ContainerConfig, Mount, PodSandboxConfig
from kube_nb.kubelet import environment, resources, volumes
from kube_nb.kubelet.config import NodeConfig
from kube_nb.kubelet.environment import Fetch, ServiceVariables
from kube_nb.kubelet.record import PodRecord
from kube_nb.machinery import objects, quantity
from kube_nb.machinery.types import Obj

_HOSTS = (
    "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n"
)


def hostname(pod: Obj, node: str) -> tuple[str, str]:
    """(host name, domain) of the pod's containers."""
    spec = pod["spec"]
    if spec.get("hostNetwork"):
        return node, ""
    return (spec.get("hostname") or objects.name(pod))[:63], str(spec.get("subdomain") or "")


def hosts_file(pod: Obj, config: NodeConfig, ips: Sequence[str]) -> str:
    """/etc/hosts."""
    name, subdomain = hostname(pod, config.name)
    text = _HOSTS
    if not pod["spec"].get("hostNetwork"):
        full = f"{name}.{subdomain}.{objects.namespace(pod)}.svc.{config.cluster_domain}\t" if subdomain else ""
        text += "".join(f"{ip}\t{full}{name}\n" for ip in ips)
    aliases = pod["spec"].get("hostAliases") or ()
    if aliases:
        text += "\n# Entries added by HostAliases.\n"
        text += "".join(f"{alias['ip']}\t" + "\t".join(alias.get("hostnames") or ()) + "\n" for alias in aliases)
    return text


def resolv_conf(pod: Obj, config: NodeConfig) -> str:
    """/etc/resolv.conf by dnsPolicy and dnsConfig. Models pkg/kubelet/network/dns."""
    spec = pod["spec"]
    policy = spec.get("dnsPolicy", "ClusterFirst")
    if policy == "ClusterFirst" and spec.get("hostNetwork"):
        policy = "Default"
    servers: list[str] = []
    searches: list[str] = []
    options: dict[str, str | None] = {}
    if policy in ("ClusterFirst", "ClusterFirstWithHostNet") and config.dns:
        domain = config.cluster_domain
        servers = [config.dns]
        searches = [f"{objects.namespace(pod)}.svc.{domain}", f"svc.{domain}", domain]
        options = {"ndots": "5"}
    own = spec.get("dnsConfig") or {}
    servers += [server for server in own.get("nameservers") or () if server not in servers]
    searches += [search for search in own.get("searches") or () if search not in searches]
    options |= {option["name"]: option.get("value") for option in own.get("options") or ()}
    lines = [f"search {' '.join(searches)}"] if searches else []
    lines += [f"nameserver {server}" for server in servers]
    if options:
        lines.append(
            "options " + " ".join(name if value is None else f"{name}:{value}" for name, value in options.items())
        )
    return "\n".join(lines) + "\n"


def sandbox(record: PodRecord, config: NodeConfig) -> PodSandboxConfig:
    pod = record.pod
    return PodSandboxConfig(
        record.name,
        record.namespace,
        record.uid,
        record.sandbox_attempt,
        hostname(pod, config.name)[0],
        resolv_conf(pod, config),
        lambda ips: hosts_file(pod, config, ips),
        bool(pod["spec"].get("hostNetwork")),
        objects.labels(pod),
        objects.annotations(pod),
        record.restored_ip,
    )


def node_facts(record: PodRecord, config: NodeConfig) -> dict[str, str]:
    """What the downward API may refer to beyond the pod's own object."""
    allocatable = {**config.capacity, **config.allocatable}
    pod_ip = record.ips[0] if record.ips else ""
    return {"ip": config.ip, "pod_ip": pod_ip, **{name: str(amount) for name, amount in allocatable.items()}}


async def container(
    record: PodRecord, spec: Obj, config: NodeConfig, services: ServiceVariables, fetch: Fetch, log: File
) -> ContainerConfig:
    """log: the file that the container finds at its terminationMessagePath. Raises environment.ConfigFault."""
    instances = record.instances(spec["name"])
    known = services.mapping() if _refers(spec) else {}
    own = await environment.variables(record.pod, spec, known, node_facts(record, config), fetch)

    def env() -> Mapping[str, str]:
        return {**services.mapping(), **own}

    everything = {**known, **own}
    security = {**(record.pod["spec"].get("securityContext") or {}), **(spec.get("securityContext") or {})}
    if security.get("runAsNonRoot") and security.get("runAsUser") == 0:
        raise environment.ConfigFault("container's runAsUser breaks non-root policy")
    return ContainerConfig(
        spec["name"],
        instances.latest.attempt + 1 if instances.latest else 0,
        spec["image"],
        [environment.expand(word, everything) for word in spec.get("command") or ()],
        [environment.expand(word, everything) for word in spec.get("args") or ()],
        spec.get("workingDir") or "",
        env,
        [*_files(record, config, spec, log), *volumes.mounts(spec, record.volumes or {}, everything)],
        resources.for_runtime(spec),
        bool(spec.get("stdin")),
        bool(spec.get("stdinOnce")),
        bool(spec.get("tty")),
        bool(security.get("readOnlyRootFilesystem")),
        security.get("runAsUser"),
        security.get("runAsGroup"),
    )


def _refers(spec: Obj) -> bool:
    """Whether anything in the container's spec may refer to a variable."""
    texts = [*(spec.get("command") or ()), *(spec.get("args") or ())]
    texts += [variable.get("value") or "" for variable in spec.get("env") or ()]
    return any("$(" in text for text in texts)


def _files(record: PodRecord, config: NodeConfig, spec: Obj, log: File) -> list[Mount]:
    """The files that the kubelet itself gives every container."""
    own = {mount["mountPath"] for mount in spec.get("volumeMounts") or ()}
    made = {
        "/etc/hosts": File(hosts_file(record.pod, config, record.ips).encode()),
        "/etc/hostname": File(f"{hostname(record.pod, config.name)[0]}\n".encode()),
        "/etc/resolv.conf": File(resolv_conf(record.pod, config).encode()),
        spec.get("terminationMessagePath") or "/dev/termination-log": log,
    }
    shm = Mount("/dev/shm", Directory(mode=0o777))
    return [shm, *(Mount(path, file) for path, file in made.items() if path not in own)]


def fits(
    wanted: Mapping[str, int], used: Mapping[str, int], allocatable: Mapping[str, str]
) -> tuple[str, int, int, int] | None:
    """None, or the resource that is short with what is (requested, used, there), cpu in milli."""
    for name, amount in wanted.items():
        if not amount:
            continue
        there = allocatable.get(name)
        total = 0 if there is None else quantity.milli(there) if name == "cpu" else quantity.value(there)
        if used.get(name, 0) + amount > total:
            return name, amount, used.get(name, 0), total
    return None
