"""What Kubernetes adds: quantities, URLs, IP addresses, CIDRs, semantic versions, named formats, JSON patch keys.

Models apiserver pkg/cel/library/{quantity,urls,ip,cidr,semverlib,format,jsonpatch}.go.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from kube_nb.machinery import names, quantity
from kube_nb.machinery.cel.errors import EvalError
from kube_nb.machinery.cel.functions import overload
from kube_nb.machinery.cel.values import NONE, Optional, in_range

# -- quantities --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quantity:
    """A resource quantity."""

    CEL_TYPE: ClassVar[str] = "kubernetes.Quantity"
    amount: quantity.Quantity


@overload("quantity", "(string) -> quantity")
def _quantity(text: str) -> Quantity:
    try:
        return Quantity(quantity.parse(text))
    except ValueError as error:
        raise EvalError(str(error)) from None


@overload("isQuantity", "(string) -> bool")
def _is_quantity(text: str) -> bool:
    try:
        quantity.parse(text)
    except ValueError:
        return False
    return True


def _nanos(found: Quantity) -> int:
    return found.amount.nanos


overload("sign", "quantity.() -> int")(lambda found: (_nanos(found) > 0) - (_nanos(found) < 0))
overload("isGreaterThan", "quantity.(quantity) -> bool")(lambda left, right: left.amount > right.amount)
overload("isLessThan", "quantity.(quantity) -> bool")(lambda left, right: left.amount < right.amount)
overload("compareTo", "quantity.(quantity) -> int")(
    lambda left, right: (left.amount > right.amount) - (left.amount < right.amount)
)
overload("asApproximateFloat", "quantity.() -> double")(lambda found: float(found.amount))
overload("isInteger", "quantity.() -> bool")(
    lambda found: _nanos(found) % 10**9 == 0 and abs(_nanos(found)) < 10**9 << 63
)
overload("add", "quantity.(quantity) -> quantity")(lambda left, right: Quantity(left.amount + right.amount))
overload("sub", "quantity.(quantity) -> quantity")(lambda left, right: Quantity(left.amount - right.amount))
overload("add", "quantity.(int) -> quantity")(lambda left, right: Quantity(left.amount + quantity.parse(right)))
overload("sub", "quantity.(int) -> quantity")(lambda left, right: Quantity(left.amount - quantity.parse(right)))


@overload("asInteger", "quantity.() -> int")
def _as_integer(found: Quantity) -> int:
    whole, rest = divmod(_nanos(found), 10**9)
    if rest:
        raise EvalError("cannot convert value to integer")
    return in_range(whole)


# -- URLs --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Url:
    """An absolute URL or an absolute path."""

    CEL_TYPE: ClassVar[str] = "kubernetes.URL"
    text: str


def _parsed(text: str) -> Url:
    try:
        found = urlsplit(text)
        _ = found.port  # which raises for one that is none
    except ValueError as error:
        raise EvalError(f'URL parse error during conversion from string: parse "{text}": {error}') from None
    if any(ord(char) < 33 or ord(char) == 127 for char in text) or not (found.scheme or text.startswith("/")):
        raise EvalError(f'URL parse error during conversion from string: parse "{text}": invalid URI for request')
    return Url(text)


overload("url", "(string) -> url")(_parsed)


@overload("isURL", "(string) -> bool")
def _is_url(text: str) -> bool:
    try:
        _parsed(text)
    except EvalError:
        return False
    return True


def _host(found: Url) -> str:
    return urlsplit(found.text).netloc.rpartition("@")[2]


overload("getScheme", "url.() -> string")(lambda found: urlsplit(found.text).scheme)
overload("getHost", "url.() -> string")(_host)
overload("getHostname", "url.() -> string")(lambda found: re.sub(r":[0-9]*$", "", _host(found)).strip("[]"))
overload("getPort", "url.() -> string")(lambda found: str(urlsplit(found.text).port or ""))
overload("getEscapedPath", "url.() -> string")(lambda found: urlsplit(found.text).path)
overload("getQuery", "url.() -> map(string, list(string))")(
    lambda found: parse_qs(urlsplit(found.text).query, keep_blank_values=True)
)

# -- addresses ---------------------------------------------------------------------------------------------------------

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Ip:
    """One address."""

    CEL_TYPE: ClassVar[str] = "net.IP"
    address: _Address


@dataclass(frozen=True, slots=True)
class Cidr:
    """A network with the address that it was written with. length: of its prefix."""

    CEL_TYPE: ClassVar[str] = "net.CIDR"
    address: _Address
    length: int

    @property
    def network(self) -> Any:
        return ipaddress.ip_network((self.address, self.length), strict=False)


def _address(text: str) -> _Address:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise EvalError(f'IP Address "{text}" parse error during conversion from string') from None
    if isinstance(found, ipaddress.IPv6Address) and (found.ipv4_mapped is not None or found.scope_id):
        raise EvalError(f'IPv4-mapped IPv6 address or zone "{text}" is not allowed')
    return found


def _cidr(text: str) -> Cidr:
    address, slash, length = text.partition("/")
    if not slash or not length.isascii() or not length.isdigit() or (len(length) > 1 and length[0] == "0"):
        raise EvalError("network address parse error during conversion from string")
    found = _address(address)
    if int(length) > found.max_prefixlen:
        raise EvalError("network address parse error during conversion from string")
    return Cidr(found, int(length))


def _holds(make: Callable[[str], Any]) -> Callable[[str], bool]:
    def test(text: str) -> bool:
        try:
            make(text)
        except EvalError:
            return False
        return True

    return test


overload("ip", "(string) -> ip")(lambda text: Ip(_address(text)))
overload("isIP", "(string) -> bool")(_holds(_address))
overload("ip.isCanonical", "(string) -> bool")(lambda text: str(_address(text)) == text)
overload("cidr", "(string) -> cidr")(_cidr)
overload("isCIDR", "(string) -> bool")(_holds(_cidr))
overload("family", "ip.() -> int")(lambda found: found.address.version)
overload("isUnspecified", "ip.() -> bool")(lambda found: found.address.is_unspecified)
overload("isLoopback", "ip.() -> bool")(lambda found: found.address.is_loopback)
overload("isLinkLocalMulticast", "ip.() -> bool")(
    lambda found: found.address in ipaddress.ip_network("224.0.0.0/24" if found.address.version == 4 else "ff02::/16")
)
overload("isLinkLocalUnicast", "ip.() -> bool")(lambda found: found.address.is_link_local)
overload("isGlobalUnicast", "ip.() -> bool")(
    lambda found: (
        not (
            found.address.is_unspecified
            or found.address.is_loopback
            or found.address.is_multicast
            or found.address.is_link_local
            or str(found.address) == "255.255.255.255"
        )
    )
)
overload("string", "(ip) -> string")(lambda found: str(found.address))
overload("string", "(cidr) -> string")(lambda found: f"{found.address}/{found.length}")
overload("ip", "cidr.() -> ip")(lambda found: Ip(found.address))
overload("masked", "cidr.() -> cidr")(lambda found: Cidr(found.network.network_address, found.length))
overload("prefixLength", "cidr.() -> int")(lambda found: found.length)


def _contains_address(net: Cidr, address: _Address) -> bool:
    return address.version == net.address.version and address in net.network


def _contains_network(net: Cidr, other: Cidr) -> bool:
    return other.length >= net.length and _contains_address(net, other.network.network_address)


overload("containsIP", "cidr.(ip) -> bool")(lambda net, other: _contains_address(net, other.address))
overload("containsIP", "cidr.(string) -> bool")(lambda net, text: _contains_address(net, _address(text)))
overload("containsCIDR", "cidr.(cidr) -> bool")(_contains_network)
overload("containsCIDR", "cidr.(string) -> bool")(lambda net, text: _contains_network(net, _cidr(text)))

# -- semantic versions -------------------------------------------------------------------------------------------------

_SEMVER = re.compile(
    r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Semver:
    """Major, minor, patch, and what comes before a release."""

    CEL_TYPE: ClassVar[str] = "kubernetes.Semver"
    numbers: tuple[int, int, int]
    before: str = ""

    @property
    def order(self) -> tuple[Any, ...]:
        parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in self.before.split(".")]
        return (*self.numbers, not self.before, parts if self.before else [])


def _semver(text: str, normalize: bool = False) -> Semver:
    if normalize:
        text = text.removeprefix("v")
        core, mark, rest = re.split(r"([-+])", text, maxsplit=1) if re.search("[-+]", text) else (text, "", "")
        parts = [part.lstrip("0") or "0" for part in core.split(".")]
        text = ".".join([*parts, "0", "0"][: max(3, len(parts))]) + mark + rest
    found = _SEMVER.fullmatch(text)
    if found is None:
        raise EvalError(f"invalid semantic version: {text}")
    major, minor, patch, before, _ = found.groups()
    return Semver((int(major), int(minor), int(patch)), before or "")


overload("semver", "(string) -> semver", "(string, bool) -> semver")(_semver)
overload("isSemver", "(string) -> bool")(_holds(_semver))
overload("isSemver", "(string, bool) -> bool")(lambda text, loose: _holds(lambda each: _semver(each, loose))(text))
overload("major", "semver.() -> int")(lambda found: found.numbers[0])
overload("minor", "semver.() -> int")(lambda found: found.numbers[1])
overload("patch", "semver.() -> int")(lambda found: found.numbers[2])
overload("isGreaterThan", "semver.(semver) -> bool")(lambda left, right: left.order > right.order)
overload("isLessThan", "semver.(semver) -> bool")(lambda left, right: left.order < right.order)
overload("compareTo", "semver.(semver) -> int")(
    lambda left, right: (left.order > right.order) - (left.order < right.order)
)

# -- named formats -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Format:
    """A form that strings can have. faults: what is wrong with a string."""

    CEL_TYPE: ClassVar[str] = "kubernetes.NamedFormat"
    name: str
    faults: Callable[[str], list[str]]


def _prefix(check: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    return lambda text: check(f"{text[:-1]}a" if text.endswith("-") else text)


def _told(make: Callable[[str], Any], fault: str) -> Callable[[str], list[str]]:
    good = _holds(make)
    return lambda text: [] if good(text) else [fault]


def _matching(pattern: str, fault: str) -> Callable[[str], list[str]]:
    form = re.compile(pattern, re.ASCII)
    return lambda text: [] if form.fullmatch(text) else [fault]


def _bytes(text: str) -> bool:
    return re.fullmatch(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", text) is not None


def _date(text: str) -> Any:
    from kube_nb.machinery.cel.libraries import standard

    return standard.timestamp(f"{text}T00:00:00Z")


def _datetime(text: str) -> Any:
    from kube_nb.machinery.cel.libraries import standard

    return standard.timestamp(text)


_FORMATS: dict[str, Callable[[str], list[str]]] = {
    "dns1123Label": names.is_dns1123_label,
    "dns1123Subdomain": names.is_dns1123_subdomain,
    "dns1035Label": names.is_dns1035_label,
    "qualifiedName": names.is_qualified_name,
    "dns1123LabelPrefix": _prefix(names.is_dns1123_label),
    "dns1123SubdomainPrefix": _prefix(names.is_dns1123_subdomain),
    "dns1035LabelPrefix": _prefix(names.is_dns1035_label),
    "labelValue": names.is_label_value,
    "uri": _told(_parsed, "invalid URI"),
    "uuid": _matching(
        "(?i:[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12})", "does not match the UUID format"
    ),
    "byte": lambda text: [] if _bytes(text) else ["invalid base64"],
    "date": _told(_date, "invalid date"),
    "datetime": _told(_datetime, "invalid datetime"),
}


def _register_format(name: str, faults: Callable[[str], list[str]]) -> None:
    made = Format(name, faults)
    overload(f"format.{name}", "() -> format")(lambda: made)


for _name, _faults in _FORMATS.items():
    _register_format(_name, _faults)


@overload("format.named", "(string) -> optional(format)")
def _named(name: str) -> Optional:
    return Optional(Format(name, _FORMATS[name])) if name in _FORMATS else NONE


@overload("validate", "format.(string) -> optional(list(string))")
def _validate(found: Format, text: str) -> Optional:
    faults = found.faults(text)
    return Optional(list(faults)) if faults else NONE


# -- JSON patch --------------------------------------------------------------------------------------------------------

overload("jsonpatch.escapeKey", "(string) -> string")(lambda text: text.replace("~", "~0").replace("/", "~1"))
