"""docs/performance.svg: the chosen figures as a picture."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bars import bars
from benchmarks.growth import Growth
from benchmarks.keeping import RESULTS
from benchmarks.report import Medians
from benchmarks.rounds import Cell
from benchmarks.scale import Time
from benchmarks.svg import Frame, drawing

PICTURE = Path(__file__).parents[1] / "docs" / "performance.svg"
WIDTH, HEIGHT = 920, 800
_BARS = Frame(56, WIDTH - 24, 110, 370)
_GROWTH = Frame(56, WIDTH - 214, 510, 750)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the picture; give the exit status."""
    given = _parser().parse_args(arguments)
    run, scale = (json.loads(each.read_text()) for each in (given.run, given.scale))
    given.picture.parent.mkdir(parents=True, exist_ok=True)
    given.picture.write_text(picture(run, scale))
    return 0


def picture(run: Mapping[str, Any], scale: Mapping[str, Any]) -> str:
    """Write the picture of two runs: one beside the peers, one over growing marketplaces."""
    cells = [Cell(**each) for each in run["cells"]]
    times = [Time(**each) for each in scale["times"] if each["viewer"] == "member"]
    shapes = [*bars(_BARS, Medians(cells), run["resources"]), *Growth(_GROWTH, times).shapes()]
    return drawing(WIDTH, HEIGHT, "How fast the gateway answers", shapes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plot", description=__doc__)
    parser.add_argument("--run", type=Path, default=RESULTS / "latest.json")
    parser.add_argument("--scale", type=Path, default=RESULTS / "latest-scale.json")
    parser.add_argument("--picture", type=Path, default=PICTURE)
    return parser


if __name__ == "__main__":
    sys.exit(main())
