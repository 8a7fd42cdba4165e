"""The list of what real kubectl is asked names tests that exist."""

import ast
from pathlib import Path

import yaml

from tests.kubectl.test_real_kubectl import GROUPS

HERE = Path(__file__).parent
ROWS = yaml.safe_load((HERE / "kubectl_rows.yaml").read_text())


def _tests(module: str) -> set[str]:
    tree = ast.parse((HERE / f"test_real_kubectl_{module}.py").read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_row_names_tests_that_exist_or_says_why_there_is_none():
    known = {module: _tests(module) for module in ("session", "core", "apply", "access", "get")}
    known["printed"] = set(GROUPS)
    for row, covered in ROWS.items():
        assert covered, row
        for place, names in covered.items():
            assert place == "not" or set(names) <= known[place], (row, place)


def test_the_modules_have_nothing_that_no_row_asks_for():
    for module in ("core", "apply", "access", "get"):
        named = {name for covered in ROWS.values() for name in covered.get(module, ())}
        more = {name for name in _tests(module) if name.startswith("test_")} - named
        assert more <= {"test_waiting_ends_with_what_was_waited_for"}, (
            module
        )  # of wait.sh, which needs controllers, too
