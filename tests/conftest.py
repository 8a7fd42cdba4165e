"""Async tests run on a fresh cluster loop at pace="max": time moves by itself, and exactly."""

import inspect
import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

from kube_nb.machinery import loop

#: Who changes an object of a cache is found out in every test.
os.environ.setdefault("KUBE_CACHE_MUTATION_DETECTOR", "true")

#: IPython warns of an active environment that is not the interpreter's; warnings are errors here.
os.environ.pop("VIRTUAL_ENV", None)

#: How long an example takes says more of the machine than of the code.
settings.register_profile("kube_nb", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kube_nb")

#: Marker -> the programs of this machine that its tests need.
_NEEDS = {
    "browser": ("chromium",),
    "docker": ("dockerd",),
    "etcd": ("etcd", "etcdctl"),
    "kubectl": ("kubectl",),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip by name what needs a missing program; where skipping is forbidden (CI) that is an error."""
    for marker, programs in _NEEDS.items():
        missing = [program for program in programs if shutil.which(program) is None]
        if item.get_closest_marker(marker) is None or not missing:
            continue
        text = f"needs {', '.join(missing)}, which this machine lacks"
        if os.environ.get("KUBE_NB_NO_SKIP"):
            pytest.fail(text)
        pytest.skip(text)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    loop.run(pyfuncitem.obj(**arguments))
    return True
