"""Data flows one way (CONTRIBUTING.md, "The tree"): no folder of the sources includes, by way of others or not, one that includes
it. Prints what closes each circle; exits 1 when there is any."""
import collections
import pathlib
import re
import subprocess
import sys

OURS = re.compile(r'^#include "((?:agent|common|coordinator)/[^"]+)"', re.MULTILINE)
# A cause and what asks for it are one room with a shelf of its own.
ONE_ROOM = {"coordinator/verdict/causes": "coordinator/verdict"}
# A remark looks up its remedy, which is a sentence.
KNOWN = {("coordinator/results", "coordinator/words")}


def folder_of(path):
    folder = str(pathlib.PurePosixPath(path).parent)
    return ONE_ROOM.get(folder, folder)


def arrows(sources):
    """(folder, folder that it includes) and an example of it, of pairs (path, text)."""
    found = {}
    for path, text in sources:
        for included in OURS.findall(text):
            pair = folder_of(path), folder_of(included)
            if pair[0] != pair[1] and pair not in KNOWN:
                found.setdefault(pair, f"{path} includes {included}")
    return found


def circles(found):
    """Each arrow that a way leads back from."""
    into = collections.defaultdict(set)
    for one, other in found:
        into[one].add(other)
    for (one, other), example in sorted(found.items()):
        seen, left = set(), [other]
        while left:
            here = left.pop()
            if here not in seen:
                seen.add(here)
                left += into[here]
        if one in seen:
            yield f"{example}: a way leads from {other}/ back to {one}/"


def check_that_a_circle_can_be_found():
    """A rule that finds nothing any more is none."""
    way = [("agent/a/x.h", '#include "agent/b/y.h"\n'), ("agent/b/y.h", '#include "agent/c/z.h"\n')]
    assert not list(circles(arrows(way)))
    assert len(list(circles(arrows([*way, ("agent/c/z.h", '#include "agent/a/x.h"\n')])))) == 3


def main():
    check_that_a_circle_can_be_found()
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "agent", "common", "coordinator"],
                            check=True, capture_output=True)
    paths = [pathlib.Path(p) for p in listed.stdout.decode().split("\0") if p.endswith((".cc", ".h"))]
    found = list(circles(arrows((str(p), p.read_text(encoding="utf-8")) for p in paths if p.is_file())))
    print("\n".join(found) or "folders: no circle", file=sys.stderr if found else sys.stdout)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
