"""Names: made (uids, generateName, hashes) and checked.

Each ``is_...`` check returns what is wrong as a list of sentences, empty if nothing is.
Models apimachinery pkg/util/validation, pkg/api/validate/content, pkg/util/rand and apiserver's storage/names.
"""

import random
import re
from functools import lru_cache

#: The letters of generated names: no vowels and nothing that looks like one, so that no word comes out by chance.
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"

SUFFIX_LENGTH = 5
_BASE_LENGTH = 63 - SUFFIX_LENGTH


def uid(stream: random.Random) -> str:
    """A version 4 UUID whose bits come from a seeded stream."""
    bits = stream.getrandbits(128) & ~0xF000C000000000000000 | 0x40008000000000000000  # version 4, variant RFC 4122
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def suffix(stream: random.Random, length: int = SUFFIX_LENGTH) -> str:
    """Random letters of `ALPHABET`."""
    return "".join(stream.choices(ALPHABET, k=length))


def generate_name(prefix: str, stream: random.Random) -> str:
    """``web-`` -> ``web-x7k2p``; the prefix is cut so that the name has at most 63 letters."""
    return prefix[:_BASE_LENGTH] + suffix(stream)


def safe_encode(text: str) -> str:
    """Each letter mapped into `ALPHABET`. Models rand.SafeEncodeString."""
    return "".join(ALPHABET[ord(letter) % len(ALPHABET)] for letter in text)


def fnv32a(data: bytes) -> int:
    """The 32-bit FNV-1a hash."""
    value = 2166136261
    for byte in data:
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return value


def safe_encode_hash(data: bytes) -> str:
    """A hash such as a pod template's: the decimal FNV-1a of the bytes in `ALPHABET`'s letters, ``5d59d67564``."""
    return safe_encode(str(fnv32a(data)))


def too_long(length: int) -> str:
    return f"must be no more than {length} bytes"


def _byte_length(value: str) -> int:
    return len(value) if value.isascii() else len(value.encode())


def regex_message(message: str, pattern: str, *examples: str) -> str:
    """``... (e.g. 'a',  or 'b', regex used for validation is '...')``, upstream's odd comma included."""
    if not examples:
        return f"{message} (regex used for validation is '{pattern}')"
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{message} (e.g. {shown}regex used for validation is '{pattern}')"


class _Form:
    """A regular expression with its maximal length and its sentence."""

    def __init__(self, pattern: str, message: str, *examples: str, length: int = 0) -> None:
        self.pattern = pattern
        self.fullmatch = re.compile(pattern).fullmatch
        self.message = regex_message(message, pattern, *examples)
        self.length = length

    def check(self, value: str) -> list[str]:
        faults = [too_long(self.length)] if self.length and _byte_length(value) > self.length else []
        return faults if self.fullmatch(value) else [*faults, self.message]


_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = f"{_LABEL}(\\.{_LABEL})*"
_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_NAME_MESSAGE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_NAME_EXAMPLES = ("MyName", "my.name", "123-abc")

_DNS1123_LABEL = _Form(
    _LABEL,
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character",
    "my-name",
    "123-abc",
    length=63,
)
_DNS1123_SUBDOMAIN = _Form(
    _SUBDOMAIN,
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character",
    "example.com",
    length=253,
)
_WILDCARD = _Form(
    f"\\*\\.{_SUBDOMAIN}",
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    "*.example.com",
    length=253,
)
_DNS1035_LABEL = _Form(
    "[a-z]([-a-z0-9]*[a-z0-9])?",
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character",
    "my-name",
    "abc-123",
    length=63,
)
_LABEL_VALUE = _Form(
    f"({_NAME})?",
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character",
    "MyValue",
    "my_value",
    "12345",
    length=63,
)
_LABEL_NAME = _Form(_NAME, _NAME_MESSAGE, *_NAME_EXAMPLES)
_C_IDENTIFIER = _Form(
    "[A-Za-z_][A-Za-z0-9_]*",
    "a valid C identifier must start with alphabetic character or '_', "
    "followed by a string of alphanumeric characters or '_'",
    "my_name",
    "MY_NAME",
    "MyName",
)
_ENV_VAR = _Form(
    "[-._a-zA-Z][-._a-zA-Z0-9]*",
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', "
    "and must not start with a digit",
    "my.env-name",
    "MY_ENV.NAME",
    "MyEnvName1",
)
_CONFIG_KEY = _Form(
    "[-._a-zA-Z0-9]+",
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    "key.name",
    "KEY_NAME",
    "key-name",
    length=253,
)
_PERCENT = _Form("[0-9]+%", "a valid percent string must be a numeric string followed by an ending '%'", "1%", "93%")
_HTTP_HEADER = _Form(
    "[-A-Za-z0-9]+", "a valid HTTP header must consist of alphanumeric characters or '-'", "X-Header-Name"
)


def is_dns1123_label(value: str) -> list[str]:
    """A label in DNS (RFC 1123), as a Namespace's name."""
    faults = _DNS1123_LABEL.check(value)
    if faults and faults[-1] is _DNS1123_LABEL.message and _DNS1123_SUBDOMAIN.fullmatch(value):
        faults[-1] = "must not contain dots"
    return faults


def is_dns1123_subdomain(value: str) -> list[str]:
    """A subdomain in DNS (RFC 1123), as most objects' names."""
    return _DNS1123_SUBDOMAIN.check(value)


def is_wildcard_dns1123_subdomain(value: str) -> list[str]:
    """``*.example.com``, as an Ingress' host."""
    return _WILDCARD.check(value)


def is_dns1035_label(value: str) -> list[str]:
    """A label in DNS (RFC 1035)."""
    return _DNS1035_LABEL.check(value)


@lru_cache(maxsize=4096)
def _qualified_name(value: str) -> tuple[str, ...]:
    parts = value.split("/")
    if len(parts) > 2:
        hint = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return (f"a valid label key {_LABEL_NAME.message}{hint}",)
    faults: list[str] = []
    if len(parts) == 2:
        wrong = is_dns1123_subdomain(parts[0]) if parts[0] else ["must be non-empty"]
        faults += [f"prefix part {each}" for each in wrong]
    name = parts[-1]
    if not name:
        faults.append("name part must be non-empty")
    elif _byte_length(name) > 63:
        faults.append(f"name part {too_long(63)}")
    if not _LABEL_NAME.fullmatch(name):
        faults.append(f"name part {_LABEL_NAME.message}")
    return tuple(faults)


def is_qualified_name(value: str) -> list[str]:
    """A label's or annotation's key, a resource's name: ``example.com/MyName``."""
    return list(_qualified_name(value))


def is_label_value(value: str) -> list[str]:
    return _LABEL_VALUE.check(value)


def is_c_identifier(value: str) -> list[str]:
    return _C_IDENTIFIER.check(value)


def is_percent(value: str) -> list[str]:
    """``25%``, as in maxSurge."""
    return _PERCENT.check(value)


def is_http_header_name(value: str) -> list[str]:
    return _HTTP_HEADER.check(value)


def is_env_var_name(value: str) -> list[str]:
    """The strict form, as in envFrom's keys."""
    return _ENV_VAR.check(value) + _dots(value)


def is_relaxed_env_var_name(value: str) -> list[str]:
    """Any printable ASCII but ``=``, as in env since 1.32."""
    faults = [] if value else ["environment variable name must be non-empty"]
    if not all(" " <= letter <= "~" and letter != "=" for letter in value):
        faults.append(
            "a valid environment variable name must consist only of printable ASCII characters other than '='"
        )
    return faults


def is_config_map_key(value: str) -> list[str]:
    """A key of a ConfigMap's or Secret's data."""
    return _CONFIG_KEY.check(value) + _dots(value)


def _dots(value: str) -> list[str]:
    if value in (".", ".."):
        return [f"must not be '{value}'"]
    return ["must not start with '..'"] if value.startswith("..") else []


def is_port_number(value: int) -> list[str]:
    return is_in_range(value, 1, 65535)


def is_in_range(value: int, low: int, high: int) -> list[str]:
    return [] if low <= value <= high else [f"must be between {low} and {high}, inclusive"]


def is_port_name(value: str) -> list[str]:
    """A container port's name: an IANA service name."""
    faults = [too_long(15)] if _byte_length(value) > 15 else []
    if not re.fullmatch("[-a-z0-9]+", value):
        faults.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        faults.append("must contain at least one letter (a-z)")
    if "--" in value:
        faults.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        faults.append("must not begin or end with a hyphen")
    return faults


def is_path_segment_name(value: str) -> list[str]:
    """A name that can stand in a URL, as a ClusterRole's. Models apimachinery pkg/api/validation/path."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return [f"may not contain '{letter}'" for letter in "/%" if letter in value]
