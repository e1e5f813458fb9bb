"""Checks what no compiler does: YAML and JSON parse, no key is given twice, no file names a path of somebody's machine,
and the sentences of a run's answer stand in coordinator/words/. Prints each finding as file:line: message; exits 1 when
there is any."""
import json
import re
import subprocess
import sys

import yaml

# Spelled so that this file does not find itself.
MACHINE_PATH = re.compile(r"(?<![\w.}])/(?:wor[k]|roo[t]|hom[e]/[a-z]+|User[s]/\w+|tmp/[a-z_]*job[s])/")


# What finds out what is true, and what places it; a reader's sentences are none of theirs (coordinator/words/words.h).
SILENT = re.compile(r"coordinator/(measure|controllers|verdict|run|results|compare|report)/.*\.(cc|h)$")
# Refusals of files, and what a cell of a page is called or lacks, stand with what they are about.
EXEMPT = re.compile(r"report/(json|json_schema|run_directory)\.cc$|results/stopped_by\.h$")
CELLS = re.compile(r"report/html/|compare/html\.cc$")
# A comment, a raw string, or strings that the compiler joins.
LITERAL = re.compile(r"//[^\n]*|#include[^\n]*|R\"\((?:.|\n)*?\)\"|\"(?:[^\"\\\n]|\\.)*\"(?:\s*\"(?:[^\"\\\n]|\\.)*\")*")
WORDS = re.compile(r"[A-Za-z']+(?:[,:;]? [a-z']+){3,}")
STOPPED = re.compile(r"[a-z']+(?:[,:;]? [a-z']+){2,}\.(?:<|$)")
ROOM = re.compile(r"coordinator/words/.*\.(cc|h)$")
NEIGHBOUR = re.compile(r'#include "coordinator/(?!words/|results/)')


def words_findings(path, text):
    """Sentences outside the room, and what the room must not know."""
    if ROOM.match(path):
        for match in NEIGHBOUR.finditer(text):
            yield f"{path}:{line_of(text, match)}: coordinator/words/ is given figures, and includes results/ and common/ only"
    if not SILENT.match(path) or EXEMPT.search(path):
        return
    sentence = STOPPED if CELLS.search(path) else WORDS
    for match in LITERAL.finditer(text):
        literal = match[0]
        if literal.startswith(("//", "#")):
            continue
        if literal.startswith("R"):
            joined = literal
        else:
            joined = "".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', literal))
        if sentence.search(joined):
            yield f"{path}:{line_of(text, match)}: a reader's sentence belongs in coordinator/words/: {joined[:60]}"


def line_of(text, match):
    return text.count("\n", 0, match.start()) + 1


def check_that_words_can_be_found():
    """A rule that finds nothing any more is none."""
    def found(path, text):
        return list(words_findings(path, text))
    sentence = 'return "no request completed "\n    "in the window";'
    assert found("coordinator/verdict/judge.cc", sentence) and found("coordinator/report/text.cc", sentence)
    assert found("coordinator/report/html/tables.cc", 'R"(<p>No request failed inside it.</p>)"')
    assert not found("coordinator/words/rows.cc", sentence)
    assert not found("coordinator/verdict/judge.cc", '// "no request completed in the window"\nstep.warn("NO_DATA");')
    assert found("coordinator/words/rows.cc", '#include "coordinator/verdict/judge.h"')
    assert not found("coordinator/words/rows.cc", '#include "coordinator/results/model.h"')


class UniqueKeyLoader(yaml.SafeLoader):
    """PyYAML lets the last of two equal keys win in silence; a plan or a manifest must not."""


def mapping_with_unique_keys(loader, node, deep=False):
    seen = set()
    for key, _ in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        name = loader.construct_object(key, deep=True)
        if name in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key '{name}' given twice", key.start_mark)
        seen.add(name)
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping_with_unique_keys)


def findings(path):
    try:
        text = open(path, encoding="utf-8").read()
    except (UnicodeDecodeError, FileNotFoundError):
        return  # binary, or deleted and not yet committed
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE_PATH.search(line):
            yield f"{path}:{number}: a path of one machine: {line.strip()[:100]}"
    yield from words_findings(path, text)
    # Inputs of tests may be broken on purpose.
    if "/testdata/" in path or "/corpus/" in path:
        return
    try:
        if path.endswith((".yaml", ".yml")) or path in (".clang-tidy", ".clang-format"):
            list(yaml.load_all(text, UniqueKeyLoader))
        elif path.endswith(".json"):
            json.loads(text)
    except (yaml.YAMLError, json.JSONDecodeError) as error:
        yield f"{path}: {' '.join(str(error).split())}"


def main():
    check_that_words_can_be_found()
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], check=True, capture_output=True)
    found = [f for path in sorted(filter(None, listed.stdout.decode().split("\0"))) for f in findings(path)]
    print("\n".join(found) or "text: nothing found", file=sys.stderr if found else sys.stdout)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
