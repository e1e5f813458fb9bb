"""Sources of one library are compiled together, several at a time: a function or a type of an anonymous namespace that has
another's name there, or that of a header's inline function, would be its overload, or clash once the batches lie otherwise.
So a name stands in one file of a library only, which also makes it easy to find. Constants are left to the compiler, which
refuses two. Reads a compilation database, prints each finding, exits 1 when there is any."""
import collections
import json
import pathlib
import re
import sys

BEGINS, ENDS = re.compile(r"namespace \{"), re.compile(r"\}  // namespace$")
FUNCTION = re.compile(r"^(?![\s/#}]|using|template|struct|class|enum|TEST|INSTANTIATE|static_assert)(?:[\w:<>,&*\s\[\]])+?[\s&*](\w+)\(")
TYPE = re.compile(r"^(?:struct|class|enum class|enum) (\w+)")
INLINE = re.compile(r"^inline (?:[\w:<>,&*\s\[\]])+?[\s&*](\w+)\(", re.MULTILINE)
INCLUDED = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
# Overloads by message: each takes a type of its own.
OVERLOADED = {"to_message", "from_message", "from_wire"}


def names_in(path):
    """Of functions and types that its anonymous namespaces define, with the line of each."""
    inside = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if BEGINS.match(line):
            inside = True
        elif ENDS.match(line):
            inside = False
        elif inside:
            found = FUNCTION.match(line) or TYPE.match(line)
            if found:
                yield found[1], number


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    inline = collections.defaultdict(dict)  # by library: (name, header) and its line
    places = collections.defaultdict(dict)  # by library and name: the first line in each file
    for entry in json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")):
        source = pathlib.Path(entry["file"])
        library = re.search(r" -o \S*?CMakeFiles/(.+?)\.dir/", entry["command"])
        if library is None or source.suffix != ".cc" or not source.is_relative_to(root) or "build" in source.parts:
            continue
        for name, line in names_in(source):
            places[library[1], name].setdefault(source.relative_to(root), line)
        for header in INCLUDED.findall(source.read_text(encoding="utf-8")):
            for file in (root / header, source.parent / header):
                if file.is_file():
                    text = file.read_text(encoding="utf-8")
                    for found in INLINE.finditer(text):
                        inline[library[1]][found[1], file.relative_to(root)] = text.count("\n", 0, found.start()) + 1
    for library, names in inline.items():
        for (name, file), line in names.items():
            if (library, name) in places:
                places[library, name].setdefault(file, line)
    found = [f"{file}:{line}: {name} is also in {', '.join(str(other) for other in where if other != file)}"
             for (library, name), where in sorted(places.items()) if name not in OVERLOADED and len(where) > 1
             for file, line in sorted(where.items())[1:]]
    print("\n".join(found) or "names: nothing found twice", file=sys.stderr if found else sys.stdout)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
