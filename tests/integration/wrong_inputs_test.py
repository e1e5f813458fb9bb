"""What wrong inputs get: exit code 2, nothing on standard output, and one line that says where, what, and what instead."""
import os
import re
import socket
import subprocess

from harness import BIN, PATIENCE, TestCase, free_port, main

GOOD = """\
kneepoint: 1
name: test
targets:
  - {name: host, urls: ["http://127.0.0.1:1"], api: openai-chat, model: m}
scenarios:
  - name: chat
    workload: {prompts: ["Hi"], output_tokens: 8}
    ramp: {steps: [1, 2], warmup: 1s, hold: 3s}
"""
SECRET = "a secret never stands in a plan; write auth: {env: NAME} or auth: {file: PATH}, which each agent reads on its own host"
DURATION = "must be a duration such as 30s, 2m, 500ms or 1h30m"
STEP = "a step must be a whole number from 1 to 1000000"
TOP = "kneepoint, name, seed, records, on_agent_lost, alternate, guard_rails, bystander, thresholds, targets, scenarios"


def changed(what, instead):
    if what not in GOOD:
        raise ValueError(what)
    return GOOD.replace(what, instead)


# What is wrong, the plan, where (line:column), and what is said.
PLANS = [
    ("an empty file", "", "1:1", "the plan is empty; it needs kneepoint: 1, targets and scenarios"),
    ("comments only", "# soon\n", "1:1", "the plan is empty; it needs kneepoint: 1, targets and scenarios"),
    ("one word", "hello\n", "1:1", f"the plan must be a mapping ({TOP}), not a single value"),
    ("a list", "- 1\n- 2\n", "1:1", f"the plan must be a mapping ({TOP}), not a list"),
    ("a binary file", b"\x00\x01\x02\xff\xfe", "1:1", "control character 0x00; remove it"),
    ("UTF-16", GOOD.encode("utf-16"), "1:1", "not UTF-8 text; save the plan as UTF-8"),
    ("Latin-1", changed("test", "t\u00e9st").encode("latin-1"), "2:8", "not UTF-8 text; save the plan as UTF-8"),
    ("10 MB", "# " + "x" * 10_000_000 + "\n", "1:1", "the plan is larger than 1 MiB; shorten its prompts"),
    ("5000 open brackets", "a: " + "[" * 5000, "1:20", "nested more than 32 levels deep; write it flatter"),
    ("an alias bomb", "a: &a [" + "x, " * 99 + "x]\nb: &b [" + "*a, " * 99 + "*a]\nc: [*b, *b]\n", "2:396",
     "the plan grows too large here: 10000 values or 4 MiB of text are the most, aliases counted in full"),
    ("a tab", changed("  - name: chat", "\t- name: chat"), "6:1", "a tab indents this line; YAML takes spaces only"),
    ("an indent that fits nothing", changed("    ramp:", "   ramp:"), "8:4",
     "not valid YAML: end of sequence not found; check the indentation: dashes of one list stand in one column"),
    ("an open [", changed("[1, 2]", "[1, 2"), "8:46",
     "not valid YAML: illegal flow end; the '[' of line 8, column 19, is not closed, or a ',' is missing"),
    ("an open {", changed("output_tokens: 8}", "output_tokens: 8"), "8:9",
     "not valid YAML: end of map flow not found; the '{' of line 7, column 15, is not closed, or a ',' is missing"),
    ("an open quote", changed('["Hi"]', '["Hi]'), "9:1", "not valid YAML: illegal EOF in scalar; a quote is not closed"),
    ("a full-width colon", changed("name: test", "name：test"), "3:8",
     "not valid YAML: illegal map value; check the indentation, and quote a text that holds ': '; it holds a full-width '：': "
     "write ':' and a space"),
    ("a full-width comma", changed("[1, 2]", "[1，2]"), "8:20", f"{STEP}, not '1，2'; it holds a full-width '，': write ', '"),
    ("full-width brackets", changed("[1, 2]", "［1］"), "8:19",
     "'steps' must be a list, not a single value; it holds a full-width '［': write '['"),
    ("a key that is there twice", changed("name: test", "name: test\nname: again"), "3:1",
     "duplicate key 'name', first given in line 2; keep one"),
    ("an alias of nothing", changed("name: test", "name: *x"), "2:7", "not valid YAML: the referenced anchor is not defined"),
    ("an alias inside its anchor", changed("[1, 2]", "&x [1, *x]"), "8:26", "this alias stands inside the value that it names"),
    ("a merge of no mapping", changed("    ramp:", "    <<: 7\n    ramp:"), "8:5", "'<<' merges a mapping or a list of mappings"),
    ("a merge that brings an unknown key", changed("    ramp:", "    <<: {a: 1}\n    ramp:"), "8:10",
     "unknown key 'a' in scenario 'chat'; write one of: name, workload, matrix, ramp, slo, targets"),
    ("a tag", changed("name: test", "name: !!python/object:os.system x"), "2:7",
     "a plan has no tags such as '!python/object:os.system'; remove it"),
    ("two documents", GOOD + "---\n" + GOOD, "9:1", "a second document; a plan is one YAML document"),
    ("no version", changed("kneepoint: 1\n", ""), "1:1",
     "the plan has no 'kneepoint: 1', the version of its format; make that the first line"),
    ("another version", changed("kneepoint: 1", "kneepoint: 2"), "1:12",
     "'kneepoint' is the version of the plan's format and must be 1"),
    ("a version in words", changed("kneepoint: 1", "kneepoint: one"), "1:12",
     "'kneepoint' is the version of the plan's format and must be 1"),
    ("no scenarios", GOOD[:GOOD.index("scenarios")], "1:1", "the plan has no 'scenarios'; add it"),
    ("a list without items", changed(GOOD.splitlines()[3] + "\n", ""), "3:1", "'targets' has no value; give a list"),
    ("a key with a typo", changed("name: test", "nmae: test"), "2:1", "unknown key 'nmae' in the plan; did you mean 'name'?"),
    ("a key of another tool", changed("output_tokens", "max_tokens"), "7:33",
     "unknown key 'max_tokens' in workload of scenario 'chat'; how long an answer may be is 'output_tokens', in the workload"),
    ("a key without value", changed("name: test", "name:"), "2:1", "the plan's 'name' has no value; give a text"),
    ("a name with a line break", changed("name: test", 'name: "a\\nb"'), "2:7",
     "the plan's 'name' holds U+000A, which does not print; take it out"),
    ("a duration without unit", changed("hold: 3s", "hold: 3"), "8:45", f"'hold' {DURATION}, not '3'"),
    ("an unknown unit", changed("hold: 3s", "hold: 3 fortnights"), "8:45", f"'hold' {DURATION}, not '3 fortnights'"),
    ("a negative duration", changed("hold: 3s", "hold: -3s"), "8:45", f"'hold' {DURATION}, not '-3s'"),
    ("a truth for a duration", changed("hold: 3s", "hold: true"), "8:45", f"'hold' {DURATION}, not 'true'"),
    ("a duration out of range", changed("hold: 3s", "hold: 0s"), "8:45", "'hold' must be from 1s to 24h, not '0s'"),
    ("a word for a list", changed("[1, 2]", "fast"), "8:19", "'steps' must be a list, not a single value"),
    ("a list inside a list", changed("[1, 2]", "[[1]]"), "8:20", f"{STEP}, not a list"),
    ("a list that is empty", changed("[1, 2]", "[]"), "8:19", "'steps' is empty; give at least one item"),
    ("no load at all", changed("[1, 2]", "[0]"), "8:20", f"{STEP}, not '0'"),
    ("a negative load", changed("[1, 2]", "[-1, 2]"), "8:20", f"{STEP}, not '-1'"),
    ("half a request", changed("[1, 2]", "[1.5]"), "8:20", f"{STEP}, not '1.5'"),
    ("a load beyond all bounds", changed("[1, 2]", "[99999999999]"), "8:20", f"{STEP}, not '99999999999'"),
    ("an answer of words", changed("output_tokens: 8", "output_tokens: many"), "7:48",
     "'output_tokens' must be a whole number from 1 to 1000000, not 'many'"),
    ("two kinds of ramp", changed("hold: 3s", "hold: 3s, search: {max: 8}"), "8:49",
     "ramp of scenario 'chat' has both 'search' and 'steps'; keep one"),
    ("prompts without a prompt", changed('["Hi"]', "[]"), "7:25", "'prompts' is empty; give at least one item"),
    ("a dataset that is not there", changed('prompts: ["Hi"]', "dataset: {file: nope.jsonl}"), "7:32",
     "{folder}/nope.jsonl: cannot be read; check the path and its permissions"),
    ("an unknown target", changed("    ramp", "    targets: [other]\n    ramp"), "8:15", "unknown target 'other'; write one of: host"),
    ("a target named twice", changed(GOOD.splitlines()[3], GOOD.splitlines()[3] + "\n" + GOOD.splitlines()[3]), "5:12",
     "target name 'host' is taken; each target needs a name of its own"),
    ("a target without model", changed(", model: m", ""), "4:5", "target 'host' has no 'model'; add it"),
    ("an unknown API", changed("openai-chat", "openai"), "4:53",
     "unknown api 'openai'; write one of: openai-chat, openai-completions, vllm-generate, custom"),
    ("a URL without scheme", changed("http://127", "127"), "4:25", "'127.0.0.1:1' is no URL; write http://HOST:PORT or https://HOST:PORT"),
    ("another scheme", changed("http://", "ftp://"), "4:25", "'ftp://127.0.0.1:1' must start with http:// or https://"),
    ("a port beyond 65535", changed(':1"', ':99999"'), "4:25", "'http://127.0.0.1:99999' has no valid port; ports are 1 to 65535"),
    ("a URL with a query", changed(':1"', ':1/?a=b"'), "4:25", "'http://127.0.0.1:1/' must end before '?' or '#'"),
    ("a password in the URL", changed("http://", "http://me:pw@"), "4:25", f"this URL holds credentials: {SECRET}"),
    ("a key in the plan", changed("model: m", "model: m, api_key: sk-123"), "4:76", f"'api_key' is refused: {SECRET}"),
    ("a key as a header", changed("model: m", 'model: m, headers: {Authorization: "Bearer x"}'), "4:86",
     f"header 'Authorization' is refused: {SECRET}"),
    ("a variable without value", changed("hold: 3s", 'hold: "${hold}"'), "8:45",
     "variable 'hold' has no value; give --set hold=VALUE or export KNEEPOINT_HOLD"),
    ("a variable inside brackets", changed("[1, 2]", "[${N}]"), "8:21",
     "not valid YAML: end of sequence flow not found; inside brackets a variable stands in quotes: \"${name}\""),
    ("a variable that never ends", changed("name: test", "name: ${test"), "2:7",
     "'${' starts a variable, ${name} or ${name:-default}; for the text itself write $${"),
    ("an SLO that is a list", GOOD + "    slo: [fast]\n", "9:10",
     "slo of scenario 'chat' must be a mapping (ttft, ttfo, tpot, icl, e2e), not a list"),
    ("a threshold without a load's figure", GOOD + "thresholds: ['ttft_p95']\n", "9:14",
     "'ttft_p95' is no threshold; write METRIC>LIMIT, METRIC<LIMIT or METRIC@LOAD>LIMIT, as in ttft_p95@32>500ms, errors>1% or "
     "n_slo<32"),
]

# Arguments and what is said. {plan} is a good plan, {closed} one whose host is not there, {taken} a port that is in use.
COMMANDS = [
    (["frobnicate"], "there is no command 'frobnicate'; there are run, validate, report, replay, compare, init, quick, serve, "
                     "help, version, schema, completion"),
    (["rnu", "{plan}"], "there is no command 'rnu'; did you mean run?"),
    (["--nope"], "kneepoint has no option --nope; see kneepoint --help"),
    (["run"], "PLAN is required; see kneepoint run --help"),
    (["run", "{folder}/nope.yaml"], "{folder}/nope.yaml: cannot be read: No such file or directory"),
    (["run", "{folder}"], "{folder}: is a folder; name the plan file in it"),
    (["run", "{plan}", "extra"], "The following argument was not expected: extra; see kneepoint run --help"),
    (["run", "{plan}", "--nope"], "kneepoint run has no option --nope; did you mean --out? Or see kneepoint run --help"),
    (["run", "{plan}", "--agents", "0"], "--agents: Value 0 not in range 1 to 256; see kneepoint run --help"),
    (["run", "{plan}", "--agents", "many"], "--agents: Value many not in range 1 to 256; see kneepoint run --help"),
    (["run", "{plan}", "--agents", "2", "--listen", "127.0.0.1:0"], "--agents excludes --listen; see kneepoint run --help"),
    (["run", "{plan}", "--listen", "127.0.0.1:0"], "--listen requires --expect-agents; see kneepoint run --help"),
    (["run", "{plan}", "--min-agents", "5"], "--min-agents 5 is more than the 1 agent of the fleet; ask for fewer"),
    (["run", "{plan}", "--resume"], "--resume requires --out; see kneepoint run --help"),
    (["run", "{plan}", "--out", "{folder}/x", "--force", "--resume"], "--resume excludes --force; see kneepoint run --help"),
    (["run", "{plan}", "--quiet", "--full"], "--full excludes --quiet; see kneepoint run --help"),
    (["run", "{plan}", "--format", "xml"], "--format: xml not in {text,json}; see kneepoint run --help"),
    (["run", "{plan}", "--set", "N"], "--set takes NAME=VALUE, such as --set url=http://10.0.0.5:8000, not 'N'"),
    (["run", "{plan}", "--set", "N=1"], "{plan}:1:1: --set N: the plan has no variable 'N'; it has none at all"),
    (["run", "{plan}", "--join-timeout", "5"],
     "--join-timeout: '5' is no duration; write 30s, 2m, 500ms or 1h30m; see kneepoint run --help"),
    (["run", "{plan}", "--fail-on", "ttft_p95>5"],
     "'ttft_p95>5': the limit of ttft_p95 is a duration; write it as in ttft_p95>500ms"),
    (["run", "{plan}", "--serve", "127.0.0.1:http"], '"127.0.0.1:http" is not HOST:PORT: the port must be a number from 0 to 65535'),
    (["run", "{plan}", "--serve", "127.0.0.1:99999"], '"127.0.0.1:99999" is not HOST:PORT: the port must be a number from 0 to 65535'),
    (["run", "{plan}", "--no-preflight", "--serve", "127.0.0.1:{taken}", "--out", "{folder}/taken"],
     "cannot serve on 127.0.0.1:{taken}: Address already in use; name another with --serve, or --serve none"),
    (["run", "{plan}", "--http-token-file", "{folder}/nope"], "the secret file {folder}/nope cannot be read"),
    (["run", "{plan}", "--out", "{plan}"], "{plan}: is a file; name a directory for the results"),
    (["serve"], "runs: no folder there; name the one that holds run directories"),
    (["serve", "{folder}/none"], "{folder}/none: no folder there; name the one that holds run directories"),
    (["serve", "{folder}", "--serve", "127.0.0.1:http"],
     '"127.0.0.1:http" is not HOST:PORT: the port must be a number from 0 to 65535'),
    (["run", "http://h:1"], "http://h:1: is a URL, not a plan; to look at the host: kneepoint quick http://h:1; to write a plan: "
     "kneepoint init http://h:1"),
    (["http://h:1"], "there is no command 'http://h:1'; to look at a host: kneepoint quick http://h:1"),
    (["quick", "http://h:1", "--token-env", "sk-secret"],
     "--token-env takes the name of an environment variable (letters, digits and '_'), not the key itself"),
    (["run", "-"], "stdin:1:1: the plan is empty; it needs kneepoint: 1, targets and scenarios"),
    (["validate", "{plan}", "--format", "yaml"], "--format: yaml not in {text,json}; see kneepoint validate --help"),
    (["report", "{folder}/nope"], "{folder}/nope: no report there; name a run directory"),
    (["report", "{plan}"], "{plan}: it is not JSON; name a run directory, or its report.json"),
    (["report", "{folder}/other.json"],
     "{folder}/other.json: it is no report: its schema is not kneepoint.report/1; name a run directory, or its report.json"),
    (["replay", "{folder}/nope"], "{folder}/nope/timeline.binpb.gz: no recording there; name a run directory"),
    (["compare"], "RUN is required; see kneepoint compare --help"),
    (["compare", "{folder}"], "{folder}/report.json: no report there; name a run directory"),
    (["run", "{plan}", "--alternate", "{folder}/nope.yaml"], "{folder}/nope.yaml: cannot be read: No such file or directory"),
    (["compare", "a", "b", "c", "d", "e", "f", "g"], "7 runs; at most 6 can be compared"),
    (["compare", "a", "b", "--fail-on", "x"],
     "'x' is no threshold; write METRIC>LIMIT, METRIC<LIMIT or METRIC@LOAD>LIMIT, as in throughput<-5%, ttft_p95@32>+10% or "
     "errors>+1pt"),
    (["init", "ftp://x"], "'ftp://x' must start with http:// or https://"),
    (["init", "http://127.0.0.1:{closed}"], "127.0.0.1:{closed}: Connection refused"),
    (["quick"], "URL is required; see kneepoint quick --help"),
    (["quick", "gpu-1"], "'gpu-1' is no URL; write http://HOST:PORT or https://HOST:PORT"),
    (["quick", "http://127.0.0.1:1", "-c", "8,1"],
     "'8,1' is no list of concurrencies; write rising numbers with commas, as 1,8,32"),
    (["quick", "http://127.0.0.1:1", "--search", "-c", "1"], "--concurrency excludes --search; see kneepoint quick --help"),
    (["quick", "http://127.0.0.1:1", "--slo", "fast"], "'fast' is no limit; write METRIC_pNN<DURATION, as ttft_p95<500ms or tpot_p95<50ms"),
    (["quick", "http://127.0.0.1:1", "--token-env", "KNEEPOINT_NOT_SET"], "the environment variable KNEEPOINT_NOT_SET is not set"),
    (["help", "frob"], "there is no command 'frob'; see kneepoint --help"),
    (["completion", "tcsh"], "SHELL: tcsh not in {bash,zsh,fish}; see kneepoint completion --help"),
]


class WrongInputs(TestCase):
    def setUp(self):
        super().setUp()
        self.words = {"plan": self.write_plan(GOOD), "folder": self.scratch, "closed": free_port()}
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        self.words["taken"] = taken.getsockname()[1]
        (self.scratch / "other.json").write_text('{"schema": "x"}')

    def filled(self, text):
        return re.sub(r"\{(plan|folder|closed|taken)\}", lambda match: str(self.words[match[1]]), text)

    def said(self, *arguments, code=2):
        """What the program says on standard error before it ends with `code`."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("KNEEPOINT_H")}
        done = subprocess.run([BIN / "kneepoint", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              cwd=self.scratch, env=environment, timeout=60 * PATIENCE)
        self.assertEqual(done.returncode, code, (arguments, done.stderr))
        self.assertEqual(done.stdout, "", arguments)
        return done.stderr

    def test_there_are_many(self):
        self.assertGreaterEqual(len(PLANS) + len(COMMANDS), 75)
        names = [name for name, *_ in PLANS] + [" ".join(arguments) for arguments, _ in COMMANDS]
        self.assertEqual(len(set(names)), len(names))

    def test_plans(self):
        plan = self.scratch / "wrong.yaml"
        for name, text, where, words in PLANS:
            with self.subTest(name):
                plan.write_bytes(text if isinstance(text, bytes) else text.encode())
                self.assertEqual(self.said("validate", plan), f"kneepoint: {plan}:{where}: {self.filled(words)}\n")

    def test_commands(self):
        for arguments, words in COMMANDS:
            with self.subTest(" ".join(arguments)):
                self.assertEqual(self.said(*map(self.filled, arguments)), f"kneepoint: {self.filled(words)}\n")
        self.assertFalse((self.scratch / "runs").exists(), "nothing was loaded, so nothing lies there")

    def test_the_good_plan_is_one(self):
        done = subprocess.run([BIN / "kneepoint", "validate", self.words["plan"]], capture_output=True, text=True, timeout=60 * PATIENCE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_hosts_that_are_not_there_have_a_line_each(self):
        closed = f"127.0.0.1:{self.words['closed']}"
        plan = self.write_plan(GOOD.replace("127.0.0.1:1", closed), "closed.yaml")
        self.assertEqual(self.said("run", plan), f"✗ http://{closed}: {closed}: Connection refused\n"
                                                 "kneepoint: nothing was loaded; --no-preflight loads all the same\n")
        self.assertEqual(self.said("quick", f"http://{closed}"),
                         f"✗ {closed}: Connection refused\nkneepoint: the host is not fit; nothing was loaded\n")


if __name__ == "__main__":
    main()
