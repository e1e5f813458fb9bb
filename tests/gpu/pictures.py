#!/usr/bin/env python3
"""A picture of each experiment's curves beside its report: pictures.py [--bin FOLDER] RUN_FOLDER…

Replays the recording and photographs the first result's throughput and time to first token against load.
"""

import argparse
import base64
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "browser"))

from browser import Browser, missing  # noqa: E402

# The charts of the page's first row: those that begin at the height of the first one.
FIRST_ROW = """
const charts = [...document.querySelectorAll('figure.chart')].map(chart => chart.getBoundingClientRect());
const row = charts.filter(chart => Math.abs(chart.top - charts[0].top) < 2);
const left = Math.min(...row.map(r => r.left)), right = Math.max(...row.map(r => r.right));
const bottom = Math.max(...row.map(r => r.bottom));
return {x: left - 8 + scrollX, y: row[0].top - 8 + scrollY, width: right - left + 16, height: bottom - row[0].top + 16};
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin")
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as out, Browser() as browser:
        browser.resize(1100, 900)
        browser.prefer("light")
        for folder in options.folders:
            # The exit status is the verdict's: a run that proves nothing has a picture, too.
            subprocess.run([options.bin / "kneepoint", "replay", folder, "--out", out, "--quiet"],
                           stdout=subprocess.DEVNULL, check=False)
            browser.open(pathlib.Path(out) / "report.html")
            clip = {**browser.run(FIRST_ROW), "scale": 1}
            shot = browser.cdp("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
            (folder / "curves.png").write_bytes(base64.b64decode(shot["data"]))
            print(folder / "curves.png")


if __name__ == "__main__":
    if missing():
        sys.exit(missing())
    main()
