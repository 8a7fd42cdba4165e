"""``{name}`` in a line stands for a notebook variable; every other brace belongs to the command (JSONPath has many)."""

import re
from collections.abc import Mapping
from typing import Any

_NAME = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
#: Words of kubectl's JSONPath templates, which stay what they are whatever variables there are.
_TEMPLATE_WORDS = ("end", "range")


def expand(line: str, variables: Mapping[str, Any]) -> str:
    """`line` with the variables' values filled in; a name without a variable stays as it is."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        known = name in variables and name not in _TEMPLATE_WORDS
        return str(variables[name]) if known else found[0]

    return _NAME.sub(value, line)
