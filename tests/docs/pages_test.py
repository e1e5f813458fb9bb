"""The Markdown pages: every link leads somewhere, docs/README.md lists every page, every command line that is shown is one that
the programs take, and docs/troubleshooting.md knows whatever a report may name."""
import functools
import json
import os
import pathlib
import re
import shlex
import subprocess
import unittest
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("KNEEPOINT_BIN", ROOT / "build/release/bin"))
# Programs of the peers and files of other projects are no pages of ours.
NOT_OURS = {"build", "runs", ".git"}

FENCE = re.compile(r"^\s*(```|~~~)")
CODE_SPAN = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(<?([^()\s<>]*(?:\([^()\s]*\)[^()\s<>]*)*)>?(?:\s+\"[^\"]*\")?\)")
HTML_LINK = re.compile(r"<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)=\"([^\"]+)\"")
DEFINITION = re.compile(r"^\s{0,3}\[[^\]]+\]:\s+<?(\S+?)>?(?:\s|$)")


def pages():
    return sorted(p for p in ROOT.rglob("*.md") if not NOT_OURS & set(p.relative_to(ROOT).parts[:-1]))


@functools.cache
def lines_of(path):
    """Pairs (number, line, whether it is inside a fence); the fences themselves are left out."""
    fence, found = None, []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        mark = FENCE.match(line)
        if mark and fence in (None, mark[1]):
            fence = None if fence else mark[1]
        else:
            found.append((number, line, fence is not None))
    return found


def slug(heading):
    """The anchor that GitHub gives a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip()).replace("`", "")
    text = re.sub(r"[*~]", "", text).lower()
    return "".join("-" if c == " " else c for c in text if c.isalnum() or c in " -_")


@functools.cache
def anchors(path):
    found, seen = set(), {}
    for _, line, in_fence in lines_of(path):
        found.update(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", line))
        heading = re.match(r"#{1,6}\s+(.*?)\s*#*$", line)
        if in_fence or not heading:
            continue
        name = slug(heading[1])
        count = seen[name] = seen.get(name, -1) + 1
        found.add(f"{name}-{count}" if count else name)
    return found


def links(path):
    for number, line, in_fence in lines_of(path):
        if in_fence or line.startswith("    ") and not line.lstrip().startswith(("-", "*")):
            continue
        text = CODE_SPAN.sub(lambda span: "`" + "x" * (len(span[0]) - 2) + "`", line)
        yield from ((number, target) for target in LINK.findall(text) + HTML_LINK.findall(text) + DEFINITION.findall(text))


def fault_of(path, target):
    """Why a link of this page leads nowhere; empty where it leads somewhere, or out of the tree."""
    where = urllib.parse.urlsplit(target)
    if where.scheme or where.netloc:
        return ""
    file = path
    if where.path:
        file = (path.parent / urllib.parse.unquote(where.path)).resolve()
        if not file.is_relative_to(ROOT):
            return "leads out of the tree"
        if not file.exists():
            return "no such file"
    if where.fragment and file.suffix == ".md" and urllib.parse.unquote(where.fragment) not in anchors(file):
        return "no such heading"
    return ""


class Links(unittest.TestCase):
    def test_every_link_leads_somewhere(self):
        checked = 0
        for path in pages():
            for number, target in links(path):
                checked += 1
                with self.subTest(f"{path.relative_to(ROOT)}:{number}: {target}"):
                    self.assertEqual(fault_of(path, target), "")
        self.assertGreater(checked, 60)

    def test_one_that_leads_nowhere_is_found(self):
        page = ROOT / "docs/plan.md"
        self.assertEqual(fault_of(page, "report.md#trust"), "")
        self.assertEqual(fault_of(page, "#guard-rails"), "")
        self.assertEqual(fault_of(page, "reprot.md"), "no such file")
        self.assertEqual(fault_of(page, "report.md#turst"), "no such heading")
        self.assertEqual(fault_of(page, "#guard-rail"), "no such heading")
        self.assertEqual(fault_of(page, "../../elsewhere.md"), "leads out of the tree")

    def test_every_file_that_is_named_exists(self):
        named = re.compile(r"`((?:agent|common|configs|coordinator|deploy|docs|proto|tests)/[\w./*-]+)`")
        checked = 0
        for path in pages():
            for number, line, in_fence in lines_of(path):
                for name in () if in_fence else named.findall(line):
                    checked += 1
                    with self.subTest(f"{path.relative_to(ROOT)}:{number}"):
                        self.assertTrue(any(ROOT.glob(name.rstrip("/"))), f"there is no {name}")
        self.assertGreater(checked, 30)

    def test_every_source_that_is_named_by_its_end_exists(self):
        ours = [f"/{p.relative_to(ROOT)}" for f in ("agent", "common", "coordinator", "tests") for p in (ROOT / f).rglob("*")]
        checked = 0
        for page in ("CONTRIBUTING.md", "docs/method.md"):
            for number, line, in_fence in lines_of(ROOT / page):
                for name in () if in_fence else re.findall(r"`([\w/]+\.(?:cc|h))`", line):
                    checked += 1
                    with self.subTest(f"{page}:{number}"):
                        self.assertTrue(any(path.endswith(f"/{name}") for path in ours), f"there is no {name}")
        self.assertGreater(checked, 30)

    def test_every_page_is_in_the_index(self):
        index = ROOT / "docs/README.md"
        listed = {(index.parent / target.split("#")[0]).resolve() for _, target in links(index)}
        for path in sorted((ROOT / "docs").glob("*.md")):
            with self.subTest(path.name):
                self.assertTrue(path == index or path in listed, f"docs/README.md does not list {path.name}")


def commands(path):
    """Pairs (number, words) of the command lines in a page's fences, continued lines as one, without comments and pipes."""
    whole, start = "", 0
    for number, line, in_fence in lines_of(path):
        if not in_fence:
            whole = ""
            continue
        start = start if whole else number
        whole += line.strip()
        if whole.endswith("\\"):
            whole = whole[:-1] + " "
            continue
        text, whole = re.sub(r"^\$ ", "", whole), ""
        if not re.match(r"(\S+/)?kneepoint(-agent|-simhost)?\s[^|]*|\./dev\s", text) or "…" in text or "[--" in text:
            continue  # output, a file's text, or a synopsis
        try:
            words = shlex.split(text, comments=True)
        except ValueError as error:
            words = ["not a shell's line:", str(error)]
        ends = [i for i, word in enumerate(words) if re.fullmatch(r"[12]?>>?&?\S*|\||&|&&|;|<", word)]
        yield start, words[: ends[0]] if ends else words


def fault_of_command(words):
    """What the program itself says of a command line; empty where it takes it. Nothing is done: an option that no command has
    is added, and must be all that the program complains of."""
    program = pathlib.Path(words[0]).name
    if program == "dev":
        tasks = re.findall(r"^task_([a-z]+)\(\)", (ROOT / "dev").read_text(), re.MULTILINE)
        return "" if words[1] in tasks else f"./dev has no task {words[1]}"
    if words[1:] in (["--version"], ["--help"], ["help"], ["version"]):
        return ""
    ran = subprocess.run([BIN / program, *words[1:], "-@"], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    said = ran.stderr + ran.stdout
    return "" if ran.returncode and "The following argument was not expected: -@" in said else said.strip() or "was carried out"


class CommandLines(unittest.TestCase):
    def setUp(self):
        if not (BIN / "kneepoint").exists():
            self.skipTest(f"no {BIN / 'kneepoint'}: ./dev build makes it")

    def test_every_one_that_is_shown_is_taken(self):
        checked = 0
        for path in pages():
            for number, words in commands(path):
                checked += 1
                with self.subTest(f"{path.relative_to(ROOT)}:{number}: {' '.join(words)}"):
                    self.assertEqual(fault_of_command(words), "")
        self.assertGreater(checked, 20)

    def test_every_option_stands_in_some_page(self):
        text = "\n".join(p.read_text() for p in pages())
        programs = [["kneepoint-agent", "--help"]]
        for line in subprocess.run([BIN / "kneepoint", "help"], capture_output=True, text=True).stdout.split("Subcommands:")[1].splitlines():
            programs += [["kneepoint", "help", line.split()[0]]] if line.strip() else []
        self.assertGreater(len(programs), 8)
        for words in programs:
            said = subprocess.run([BIN / words[0], *words[1:]], capture_output=True, text=True, check=True).stdout
            # --die-with-parent is what `kneepoint run` gives the agents that it starts.
            for option in sorted(set(re.findall(r"^\s+(?:-\w,)?(--[a-z-]+)", said, re.MULTILINE)) - {"--help", "--version", "--die-with-parent"}):
                with self.subTest(f"{' '.join(words)}: {option}"):
                    self.assertRegex(text, re.escape(option) + r"(?![\w-])")

    def test_a_translation_shows_the_same(self):
        translated = [p for p in pages() if p.name.endswith(".zh-CN.md")]
        self.assertGreater(len(translated), 1)
        for path in translated:
            with self.subTest(path.name):
                original = path.with_name(path.name.replace(".zh-CN", ""))
                self.assertEqual([words for _, words in commands(path)], [words for _, words in commands(original)])

    def test_one_that_is_not_taken_is_found(self):
        self.assertEqual(fault_of_command(["kneepoint", "run", "plan.yaml", "--agents", "2"]), "")
        for line in ("run", "run plan.yaml --agent 2", "run plan.yaml --agents none", "rnu plan.yaml", "run plan.yaml other.yaml",
                     "run plan.yaml -x", "compare", "schema plans"):
            with self.subTest(line):
                self.assertNotEqual(fault_of_command(["kneepoint", *line.split()]), "")
        self.assertNotEqual(fault_of_command(["./dev", "tset"]), "")


def sources(*folders):
    return "\n".join(p.read_text() for f in folders for p in sorted((ROOT / f).rglob("*")) if p.suffix in (".cc", ".h"))


def table_of(name):
    """The names in a table of the program."""
    text = sources("coordinator/words")
    return set(re.findall(r"\w+\{\s*\"([^\"]+)\"", re.search(name + r" = \{(.*?)^\};", text, re.DOTALL | re.MULTILINE)[1]))


class Troubleshooting(unittest.TestCase):
    def setUp(self):
        page = ROOT / "docs/troubleshooting.md"
        rows = [re.split(r"\s*(?<!\\)\|\s*", line.strip().strip("|").strip()) for _, line, _ in lines_of(page) if line.startswith("| `")]
        self.entries = {}
        for cells in rows:
            for name in re.findall(r"`([^`]+)`", cells[0]):
                self.entries.setdefault(name, []).append(cells)

    def assert_known(self, names, least):
        self.assertGreater(len(names), least)
        for name in sorted(names):
            with self.subTest(name):
                self.assertIn(name, self.entries, "docs/troubleshooting.md has no entry")
                for cells in self.entries[name]:
                    self.assertGreaterEqual(len(cells), 3)
                    self.assertTrue(all(cells), "a cell is empty")

    def test_every_flag_has_an_entry(self):
        raised = set(re.findall(r"(?:warn|invalidate)\(\s*\"([A-Z_]{4,})\"", sources("coordinator")))
        raised |= set(re.findall(r"constexpr [^;]*\"([A-Z_]{4,})\";", sources("coordinator/measure")))
        explained = table_of("kFlags")
        self.assertGreater(len(raised), 20)
        self.assertEqual(raised - explained, set(), "coordinator/words/flags.cc does not explain it")
        self.assert_known(explained, 40)

    def test_every_kind_of_failure_has_an_entry(self):
        schema = json.loads((ROOT / "docs/schema/report.schema.json").read_text())
        kinds = set(schema["$defs"]["request_counts"]["properties"]["by_outcome"]["properties"])
        self.assert_known(kinds - {"success"}, 10)

    def test_every_bottleneck_has_an_entry(self):
        self.assert_known(table_of("kBottlenecks"), 10)

    def test_no_entry_is_of_what_is_gone(self):
        schema = json.loads((ROOT / "docs/schema/report.schema.json").read_text())
        known = table_of("kFlags") | table_of("kBottlenecks")
        known |= set(schema["$defs"]["request_counts"]["properties"]["by_outcome"]["properties"])
        for name in self.entries:
            if re.fullmatch(r"[A-Z_-]{4,}|[a-z_0-9]+", name):
                with self.subTest(name):
                    self.assertIn(name, known)


if __name__ == "__main__":
    unittest.main()
