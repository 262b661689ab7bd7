"""`python -m bench [name] [--short]`: measure, print a table, write `bench/results/latest.json`."""

import argparse
import sys

from bench.runner import discover, main


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", nargs="?", default="", choices=["", *discover()], help="one benchmark; default: all")
    parser.add_argument("--short", action="store_true", help="small sizes and few rounds: under three minutes in all")
    parser.add_argument("--no-peers", action="store_true", help="do not install the peers (their rows say so)")
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    sys.exit(main(given.name, short=given.short, peers=not given.no_peers))
