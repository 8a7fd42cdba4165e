"""Reads the package's own data files; YAML is imported only when one is read."""

from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def load(path: Path) -> Any:
    """A YAML file's content."""
    import yaml

    return yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
