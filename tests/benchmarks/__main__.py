"""``make bench``: runs every benchmark, prints its figures beside their peers, writes them as JSON."""

import argparse
import importlib
import json
import pkgutil
import sys
from pathlib import Path

from tests import benchmarks
from tests.benchmarks.measure import Figures, machine

_NOT_BENCHMARKS = ("__main__", "load_client", "measure")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("names", nargs="*", help="only these benchmarks")
    arguments = parser.parse_args()
    before = json.loads(arguments.json.read_text()) if arguments.json and arguments.json.exists() else {}
    found = {"machine": machine(), "benchmarks": {}}
    print("; ".join(found["machine"].values()))
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name in _NOT_BENCHMARKS or (arguments.names and module.name not in arguments.names):
            continue
        figures = importlib.import_module(f"tests.benchmarks.{module.name}").bench()
        found["benchmarks"][module.name] = figures.rows
        show(figures, {row["what"]: row for row in before.get("benchmarks", {}).get(module.name, [])})
        sys.stdout.flush()
        if arguments.json:
            arguments.json.parent.mkdir(parents=True, exist_ok=True)
            arguments.json.write_text(json.dumps(found, indent=1) + "\n")


def show(figures: Figures, before: dict[str, dict[str, float]]) -> None:
    print(f"\n{figures.name}")
    for row in figures.rows:
        notes = [f"wanted: under {row['limit']:g}" if row["limit"] is not None else "", row["peer"]]
        last = before.get(row["what"])
        notes.append(f"last run: {last['value']:.4g}" if last else "")
        print(f"  {row['what']:<70} {row['value']:>12.4g} {row['unit']:<5} {'; '.join(n for n in notes if n)}")


if __name__ == "__main__":
    main()
