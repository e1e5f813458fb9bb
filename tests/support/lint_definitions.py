"""simdjson's types differ by a macro that its CMake target sets: a source that sees its header and is compiled without the
target lays out a parser otherwise than the library does, and crashes. Reads a compilation database; prints each such source,
exits 1 when there is any."""
import functools
import json
import pathlib
import re
import sys

HEADER, DEFINITION = "#include <simdjson.h>", "-DSIMDJSON_THREADS_ENABLED"
OURS = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
ROOT = pathlib.Path(__file__).resolve().parents[2]


@functools.cache
def sees_simdjson(path):
    """Whether the file or a header of ours that it includes has the header."""
    if not path.is_file():
        return False
    text = path.read_text(encoding="utf-8")
    places = [(ROOT / name, path.parent / name, ROOT / "tests" / name) for name in OURS.findall(text)]
    return HEADER in text or any(sees_simdjson(place) for each in places for place in each)


def without_definition(entries):
    return [entry["file"] for entry in entries
            if DEFINITION not in entry["command"] and sees_simdjson(pathlib.Path(entry["file"]))]


def main():
    entries = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    seen = next(entry["file"] for entry in entries if sees_simdjson(pathlib.Path(entry["file"])))
    assert without_definition([{"file": seen, "command": "g++"}]), "this check can fail"
    found = without_definition(entries)
    for file in found:
        print(f"{pathlib.Path(file).relative_to(ROOT)}: includes simdjson, and its library does not link simdjson::simdjson")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
