#!/usr/bin/env python3
"""Photographs a report for a human to look at: look.py REPORT.html DIRECTORY."""

import pathlib
import sys

from browser import Browser, missing

VIEWS = [("phone", 390, True), ("wide", 1680, False)]


def main(report, directory):
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    with Browser() as browser:
        for name, width, mobile in VIEWS:
            for scheme in ("light", "dark"):
                browser.resize(width, 1000, mobile)
                browser.prefer(scheme)
                browser.open(report)
                browser.screenshot(directory / f"{name}-{scheme}.png")
        browser.pdf(directory / "paper.pdf")
    for entry in sorted(directory.iterdir()):
        print(entry)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    if missing():
        sys.exit(missing())
    main(*sys.argv[1:])
