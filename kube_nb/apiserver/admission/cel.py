"""CEL expressions: compiled once, evaluated over objects in wire form.

Differs: Kubernetes' own libraries (quantity, url, ip, regex find, optional fields) are not there.
"""

import functools
from collections.abc import Mapping
from typing import Any

from kube_nb.machinery.types import Json


class CelError(Exception):
    """Why an expression does not compile or has no value."""


@functools.lru_cache(maxsize=512)
def _program(expression: str) -> Any:
    from celpy.celparser import CELParseError  # takes half a second, and few clusters ever need it

    environment = _environment()
    try:
        return environment.program(environment.compile(expression))
    except CELParseError as error:
        raise CelError(f"compilation failed: {error}") from None


@functools.cache
def _environment() -> Any:
    import celpy

    return celpy.Environment()


def value(data: Json) -> Any:
    """Wire form as CEL sees it; convert once, evaluate often."""
    from celpy.adapter import json_to_cel

    return json_to_cel(data)


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """The value of an expression; variables: results of `value`. Raises CelError."""
    from celpy.evaluation import CELEvalError

    program = _program(expression)
    try:
        return program.evaluate(dict(variables))
    except CELEvalError as error:
        raise CelError(str(error.args[0] if error.args else error)) from None


def holds(expression: str, variables: Mapping[str, Any]) -> bool:
    """Whether a boolean expression is true. Raises CelError, also for one that is not boolean."""
    found = evaluate(expression, variables)
    if type(found).__name__ not in ("BoolType", "bool"):
        raise CelError(f"must evaluate to bool, not {type(found).__name__}")
    return bool(found)
