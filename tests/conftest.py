"""Async tests run on a fresh cluster loop at pace="max": time moves by itself, and exactly."""

import inspect

import pytest

from kube_nb.machinery import loop


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    loop.run(pyfuncitem.obj(**arguments))
    return True
