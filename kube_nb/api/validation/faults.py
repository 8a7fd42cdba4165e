"""`Faults`: the list that every rule appends to, with one method per kind of fault, and the checks that rules share.

Models apimachinery pkg/util/validation/field and pkg/api/validation.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from kube_nb.machinery import errors, names, quantity
from kube_nb.machinery.errors import FieldError
from kube_nb.machinery.types import Json, Obj

NameCheck: TypeAlias = Callable[[str], list[str]]

IMMUTABLE = "field is immutable"
NEGATIVE = "must be greater than or equal to 0"
MAX_INT32 = (1 << 31) - 1


class Faults(list[FieldError]):
    """Field errors in the order in which they were found. Paths are written out: ``spec.containers[0].name``."""

    def required(self, path: str, detail: str = "") -> None:
        self.append(FieldError(errors.REQUIRED, path, "", detail))

    def invalid(self, path: str, value: Json, detail: str = "") -> None:
        self.append(FieldError(errors.INVALID, path, value, detail))

    def forbidden(self, path: str, detail: str = "") -> None:
        self.append(FieldError(errors.FORBIDDEN, path, "", detail))

    def duplicate(self, path: str, value: Json, detail: str = "") -> None:
        self.append(FieldError(errors.DUPLICATE, path, value, detail))

    def not_found(self, path: str, value: Json) -> None:
        self.append(FieldError(errors.NOT_FOUND, path, value))

    def unsupported(self, path: str, value: Json, supported: Iterable[str]) -> None:
        listed = ", ".join(f'"{each}"' for each in supported)
        self.append(FieldError(errors.NOT_SUPPORTED, path, value, f"supported values: {listed}"))

    def too_long(self, path: str, length: int) -> None:
        self.append(FieldError(errors.TOO_LONG, path, "", f"may not be more than {length} bytes"))

    def too_many(self, path: str, count: int, most: int) -> None:
        self.append(FieldError(errors.TOO_MANY, path, count, f"must have at most {most} items"))

    # -- checks that many rules share ------------------------------------------------------------------------------

    def check(self, path: str, value: str, check: NameCheck) -> None:
        """Invalid, once per sentence that a check of `machinery.names` has about the value."""
        for detail in check(value):
            self.invalid(path, value, detail)

    def name(self, path: str, value: str | None, check: NameCheck) -> bool:
        """Required if it is empty, else `check`; whether it is there."""
        if not value:
            self.required(path)
            return False
        self.check(path, value, check)
        return True

    def one_of(self, path: str, value: str | None, supported: Sequence[str]) -> None:
        """Required if it is empty, NotSupported if it is none of these."""
        if not value:
            self.required(path)
        elif value not in supported:
            self.unsupported(path, value, supported)

    def at_least_zero(self, owner: Mapping[str, Json], path: str, *fields: str) -> None:
        """Numbers that must not be negative; missing ones count as 0."""
        for field in fields:
            value = owner.get(field)
            if value is not None and value < 0:
                self.invalid(f"{path}.{field}", value, NEGATIVE)

    def port_number(self, path: str, value: int) -> None:
        for detail in names.is_port_number(value):
            self.invalid(path, value, detail)

    def port(self, path: str, value: int | str) -> None:
        """A number or a container port's name. Models ValidatePortNumOrName."""
        if isinstance(value, str):
            self.check(path, value, names.is_port_name)
        else:
            self.port_number(path, value)

    def int_or_percent(self, path: str, value: int | str) -> None:
        """A count or a percentage. Models ValidatePositiveIntOrPercent."""
        if isinstance(value, str):
            self.check(path, value, names.is_percent)
        elif value < 0:
            self.invalid(path, value, NEGATIVE)

    def quantity_at_least_zero(self, path: str, value: str) -> None:
        if quantity.parse(value).value() < 0:
            self.invalid(path, value, NEGATIVE)

    def immutable(self, path: str, new: Json, old: Json) -> None:
        if new != old:
            self.invalid(path, new, IMMUTABLE)

    def labels(self, path: str, found: Mapping[str, str] | None) -> None:
        """Models unversioned ValidateLabels."""
        for key, value in (found or {}).items():
            self.check(path, key, names.is_qualified_name)
            self.check(path, value, names.is_label_value)

    def label_name(self, path: str, value: str) -> None:
        self.check(path, value, names.is_qualified_name)


def section(obj: Obj | None, name: str) -> Obj:
    """A struct that may be missing, as an empty one."""
    found = (obj or {}).get(name)
    return found if isinstance(found, dict) else {}


def items(obj: Obj | None, name: str) -> Sequence[Obj]:
    """A list that may be missing, as an empty one."""
    return (obj or {}).get(name) or ()
