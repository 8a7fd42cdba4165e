import random
import re

import pytest

from kube_nb.machinery import names


def test_a_uid_is_a_version_4_uuid_of_the_stream():
    first, same = (names.uid(random.Random(7)) for _ in range(2))
    assert first == same
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", first)


def test_a_generated_name_has_five_letters_and_fits_a_label():
    assert re.fullmatch(r"web-[bcdfghjklmnpqrstvwxz2456789]{5}", names.generate_name("web-", random.Random(1)))
    assert len(names.generate_name("x" * 80, random.Random(1))) == 63


def test_a_hash_is_encoded_as_upstream_does():
    assert names.fnv32a(b"hello") == 1335831723
    assert names.safe_encode("1335831723") == "".join(names.ALPHABET[ord(d) % 27] for d in "1335831723")
    assert set(names.safe_encode_hash(b"template")) <= set(names.ALPHABET)


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (names.is_dns1123_label, "a-1"),
        (names.is_dns1123_label, "1a"),
        (names.is_dns1123_subdomain, "a.b-c.1"),
        (names.is_dns1035_label, "a1"),
        (names.is_qualified_name, "example.com/My_Name.x"),
        (names.is_label_value, ""),
        (names.is_label_value, "v1.2_3"),
        (names.is_port_name, "http-1"),
        (names.is_config_map_key, "nginx.conf"),
        (names.is_env_var_name, "A_b"),
        (names.is_relaxed_env_var_name, "1 b"),
        (names.is_percent, "25%"),
        (names.is_wildcard_dns1123_subdomain, "*.example.com"),
        (names.is_path_segment_name, "system:node"),
    ],
)
def test_good_names_pass(check, value):
    assert check(value) == []


LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


@pytest.mark.parametrize(
    ("check", "value", "messages"),
    [
        (names.is_dns1123_label, "A", [LABEL]),
        (names.is_dns1123_label, "a\n", [LABEL]),
        (names.is_dns1123_label, "a.b", ["must not contain dots"]),
        (names.is_dns1123_label, "a" * 64, ["must be no more than 63 bytes"]),
        (names.is_dns1123_subdomain, "a_b", [SUBDOMAIN]),
        (names.is_dns1123_subdomain, "a" * 254, ["must be no more than 253 bytes"]),
        (names.is_qualified_name, "/a", ["prefix part must be non-empty"]),
        (names.is_qualified_name, "A/a", ["prefix part " + SUBDOMAIN]),
        (names.is_port_name, "x" * 16, ["must be no more than 15 bytes"]),
        (names.is_port_name, "80", ["must contain at least one letter (a-z)"]),
        (names.is_port_name, "a--b", ["must not contain consecutive hyphens"]),
        (names.is_port_name, "-a", ["must not begin or end with a hyphen"]),
        (names.is_port_number, 0, ["must be between 1 and 65535, inclusive"]),
        (names.is_config_map_key, "..a", ["must not start with '..'"]),
        (names.is_config_map_key, ".", ["must not be '.'"]),
        (names.is_path_segment_name, "a/b%", ["may not contain '/'", "may not contain '%'"]),
        (names.is_relaxed_env_var_name, "", ["environment variable name must be non-empty"]),
    ],
)
def test_bad_names_are_told_in_upstreams_words(check, value, messages):
    assert check(value) == messages
