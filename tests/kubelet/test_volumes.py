"""Volumes: what a container finds under its mounts."""

import base64
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import yaml

from kube_nb.api.resources import CONFIG_MAPS, PODS, SECRETS

from .conftest import World

Start = Callable[..., AbstractAsyncContextManager[World]]

OBJECTS = (
    (CONFIG_MAPS, {"kind": "ConfigMap", "data": {"a.txt": "one", "b.txt": "two"}}),
    (SECRETS, {"kind": "Secret", "data": {"password": base64.b64encode(b"s3cret").decode()}}),
)


@pytest.mark.parametrize(
    ("volume", "mount", "command", "output"),
    [
        pytest.param("configMap: {name: x}", "", "cd /v; ls; cat a.txt", "a.txt\nb.txt\none", id="configMap"),
        pytest.param(
            "configMap: {name: x, items: [{key: b.txt, path: d/c, mode: 256}]}", "",
            "ls -l /v/d | cut -c1-10; cat /v/d/c",
            "total 4\n-r--------\ntwo", id="configMap items",
        ),
        pytest.param("configMap: {name: x}", "subPath: a.txt", "cat /v", "one", id="one file by subPath"),
        pytest.param("configMap: {name: nosuch, optional: true}", "", "ls /v", "", id="optional and missing"),
        pytest.param("secret: {secretName: x}", "", "cat /v/password", "s3cret", id="secret"),
        pytest.param("emptyDir: {}", "", "echo hi > /v/f; cat /v/f", "hi\n", id="emptyDir"),
        pytest.param("hostPath: {path: /data, type: DirectoryOrCreate}", "", "ls /v; touch /v/here; ls /v", "here\n",
                     id="hostPath"),
        pytest.param(
            "downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}, "
            "{path: cpu, resourceFieldRef: {containerName: c, resource: limits.cpu, divisor: 1m}}]}",
            "", "cat /v/labels; echo; cat /v/cpu", 'app="web"\ntier="front"\n250', id="downwardAPI",
        ),
        pytest.param(
            "projected: {sources: [{configMap: {name: x}}, {secret: {name: x}}]}", "", "ls /v",
            "a.txt\nb.txt\npassword\n", id="projected",
        ),
        pytest.param("configMap: {name: x}", "readOnly: true", "echo x > /v/n",
                     "sh: can't create /v/n: Read-only file system\n", id="read only"),
    ],
)  # fmt: skip
async def test_a_volume_shows_its_files(world: Start, volume: str, mount: str, command: str, output: str) -> None:
    async with world() as w:
        for gvr, obj in OBJECTS:
            await w.client.create(gvr, {"apiVersion": "v1", "metadata": {"name": "x", "namespace": "default"}, **obj})
        container: dict[str, Any] = {
            "name": "c",
            "image": "busybox",
            "command": ["sh", "-c", command],
            "resources": {"limits": {"cpu": "250m"}},
            "volumeMounts": [{"name": "v", "mountPath": "/v", **(yaml.safe_load(f"{{{mount}}}") or {})}],
        }
        spec = {
            "nodeName": "node-1",
            "restartPolicy": "Never",
            "containers": [container],
            "volumes": [{"name": "v", **yaml.safe_load(volume)}],
        }
        meta = {"name": "web", "namespace": "default", "labels": {"tier": "front", "app": "web"}}
        await w.client.create(PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
        await w.phase("web", "Succeeded", "Failed")
        chunks = await w.kubelet.endpoint.logs("default", "web", "c", {})
        assert b"".join([chunk async for chunk in chunks]).decode() == output


async def test_a_volume_of_an_unknown_kind_is_not_mounted(world: Start) -> None:
    async with world() as w:
        await w.run("{image: nginx}", volumes=[{"name": "v", "nfs": {"server": "x", "path": "/"}}])
        await w.condition("web", "PodScheduled", "True")
        why = "no volume plugin matched for nfs"
        assert f'FailedMount: MountVolume.SetUp failed for volume "v" : {why}' in await w.events()
