"""`make bench`: the gateway and its peers over one database, query by query, in turns."""

import argparse
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.keeping import RESULTS, heed_signals, keep, numbers
from benchmarks.marketplaces import marketplace
from benchmarks.queries import QUERIES
from benchmarks.report import report
from benchmarks.rounds import Course, Plan
from benchmarks.saying import say
from benchmarks.servers import PEERS, PLANS, serving
from benchmarks.subjects import chosen


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and write the figures; give the exit status."""
    given = _parser().parse_args(arguments)
    heed_signals()
    plan = Plan(given.queries, given.connections, given.rounds, given.seconds, given.warmup)
    with marketplace(given.resources) as place:
        subjects = chosen(place.url)
        with serving(place, subjects.member, given.peers, given.plans) as targets:
            course = Course(place, subjects, targets, plan)
            say("Comparing the answers ...")
            course.check()
            say("Counting the statements ...")
            statements = course.statements()
            say("Measuring ...")
            cells = list(course.cells())
    print(report(cells, statements))
    figures = {
        "resources": given.resources,
        "plan": asdict(plan),
        "plans": given.plans,
        "statements": statements,
        "cells": [asdict(each) for each in cells],
    }
    keep(given.output, figures)
    return 0


def _parser() -> argparse.ArgumentParser:
    known = "; ".join(f"{name}: {what}" for name, what in QUERIES.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=f"{__doc__} The queries are: {known}."
    )
    parser.add_argument("--queries", type=_among(QUERIES), default=[*QUERIES])
    parser.add_argument("--peers", type=_among(PEERS), default=[*PEERS])
    parser.add_argument("--connections", type=numbers, default=[1, 16])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement")
    parser.add_argument("--warmup", type=int, default=2, help="seconds, once for each query")
    parser.add_argument(
        "--plans", choices=PLANS, default=PLANS[0], help="plan_cache_mode of the peers' connections"
    )
    parser.add_argument("--resources", type=int, default=100_000)
    parser.add_argument("--output", type=Path, default=RESULTS / "run.json")
    return parser


def _among(known: Collection[str]) -> Callable[[str], list[str]]:
    def listed(text: str) -> list[str]:
        names = [each for each in text.split(",") if each]
        unknown = [each for each in names if each not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(known)}")
        return names

    return listed


if __name__ == "__main__":
    sys.exit(main())
