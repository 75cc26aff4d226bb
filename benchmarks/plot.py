"""Draw docs/performance.svg from the results of two runs."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bar_chart import draw_bar_chart
from benchmarks.benchmark_run import MeasuredCell
from benchmarks.cli_support import RESULTS_FOLDER
from benchmarks.growth_chart import GrowthChart
from benchmarks.report import MedianFigures
from benchmarks.scale import TimeSample
from benchmarks.svg import ChartFrame, render_svg

PICTURE_PATH = Path(__file__).parents[1] / "docs" / "performance.svg"
WIDTH, HEIGHT = 920, 800
_BARS_FRAME = ChartFrame(56, WIDTH - 24, 110, 370)
_GROWTH_FRAME = ChartFrame(56, WIDTH - 214, 510, 750)


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the picture; return the exit status."""
    options = _build_parser().parse_args(argv)
    run_results, scale_results = (
        json.loads(path.read_text()) for path in (options.run, options.scale)
    )
    options.picture.parent.mkdir(parents=True, exist_ok=True)
    options.picture.write_text(draw_picture(run_results, scale_results))
    return 0


def draw_picture(run_results: Mapping[str, Any], scale_results: Mapping[str, Any]) -> str:
    """Return the SVG of two runs: with the peers, and over marketplaces of several sizes."""
    cells = [MeasuredCell(**record) for record in run_results["cells"]]
    samples = [
        TimeSample(**record) for record in scale_results["times"] if record["viewer"] == "member"
    ]
    shapes = [
        *draw_bar_chart(_BARS_FRAME, MedianFigures(cells), run_results["resources"]),
        *GrowthChart(_GROWTH_FRAME, samples).draw_chart(),
    ]
    return render_svg(WIDTH, HEIGHT, "Performance of the gateway", shapes)


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plot", description=__doc__)
    parser.add_argument("--run", type=Path, default=RESULTS_FOLDER / "latest.json")
    parser.add_argument("--scale", type=Path, default=RESULTS_FOLDER / "latest-scale.json")
    parser.add_argument("--picture", type=Path, default=PICTURE_PATH)
    return parser


if __name__ == "__main__":
    sys.exit(main())
