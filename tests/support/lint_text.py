"""Checks the tracked files that no compiler reads: YAML and JSON parse, no key is given twice, and no file names a path
of somebody's machine. Prints each finding as file:line: message; exits 1 when there is any."""
import json
import re
import subprocess
import sys

import yaml

# Spelled so that this file does not find itself.
MACHINE_PATH = re.compile(r"(?<![\w.}])/(?:wor[k]|roo[t]|hom[e]/[a-z]+|User[s]/\w+|tmp/[a-z_]*job[s])/")


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
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], check=True, capture_output=True)
    found = [f for path in sorted(filter(None, listed.stdout.decode().split("\0"))) for f in findings(path)]
    print("\n".join(found) or "text: nothing found", file=sys.stderr if found else sys.stdout)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
