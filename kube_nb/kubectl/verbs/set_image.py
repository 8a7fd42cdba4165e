"""``kubectl set image``."""

from functools import partial

from kube_nb.kubectl import changes, pod_specs
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.verbs import set_change
from kube_nb.machinery.types import Obj


async def run(inv: Invocation) -> None:
    words, pairs = set_change.split(inv.args, "image")
    images = dict(_pair(pair) for pair in pairs)
    found = await set_change.targets(inv, words)
    faults = _faults(inv, words, images)
    if faults:
        raise KubectlError(changes.aggregate(faults))

    def make(obj: Obj) -> Obj:
        return pod_specs.changed(obj, lambda spec: _with_images(spec, images, faults))

    told = set_change.Words("image updated", "failed to patch image update to pod template:")
    await set_change.change(inv, found, make, told, faults)


def _pair(text: str) -> tuple[str, str]:
    name, _, image = text.partition("=")
    if not name or not image:
        raise KubectlError(f"error: invalid image format: {text}")
    return name, image


def _faults(inv: Invocation, words: list[str], images: dict[str, str]) -> list[str]:
    found = []
    if inv["all"] and inv["selector"]:
        found.append("cannot set --all and --selector at the same time")
    if not words and not inv["filename"]:
        found.append("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    if not images:
        found.append("at least one image update is required")
    elif len(images) > 1 and "*" in images:
        found.append(
            "all containers are already specified by *, but saw more than one container_name=container_image pairs"
        )
    return found


def _with_images(spec: Obj, images: dict[str, str], faults: list[str]) -> Obj:
    for name, image in images.items():
        fields = ("initContainers", "containers")
        pattern = name if name == "*" else name.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")
        spec, found = pod_specs.with_containers(spec, pattern, partial(_with_image, image), fields)
        if not found:
            faults.append(f'error: unable to find container named "{name}"')
    return spec


def _with_image(image: str, container: Obj) -> Obj:
    return {**container, "image": image}


COMMAND = Command(
    name="image",
    about="Update existing container image(s) of resources.",
    usage="kubectl set image (-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ... "
    "CONTAINER_NAME_N=CONTAINER_IMAGE_N [options]",
    examples="""\
  # Set a deployment's nginx container image to 'nginx:1.9.1', and its busybox container image to 'busybox'
  kubectl set image deployment/nginx busybox=busybox nginx=nginx:1.9.1

  # Update image of all containers of daemonset abc to 'nginx:1.9.1'
  kubectl set image daemonset abc *=nginx:1.9.1""",
    run=run,
    flags=set_change.FLAGS,
)
