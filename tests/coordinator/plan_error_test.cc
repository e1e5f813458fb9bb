#include <gtest/gtest.h>

#include "tests/coordinator/plan_samples.h"

// Every complaint of the plan's readers, word for word, with its place.
namespace kneepoint::coordinator {
namespace {

struct Case {
  const char* name;
  std::string text;
  std::string error;
};

class PlanErrorText : public testing::TestWithParam<Case> {};

TEST_P(PlanErrorText, IsOneLineWithThePlace) {
  EXPECT_EQ(error_of(GetParam().text), GetParam().error);
}

std::string target(const std::string& keys) {
  return Parts{.target = "{name: host, " + keys + "}"}.text();
}
std::string url(const std::string& value) {
  return target("model: m, url: '" + value + "'");
}
std::string host(const std::string& keys) {
  return target("url: 'http://h:1', model: m, " + keys);
}
std::string workload(const std::string& keys) {
  return Parts{.workload = "{" + keys + "}"}.text();
}
std::string prompts(const std::string& list) {
  return workload("prompts: " + list);
}
std::string ramp(const std::string& keys) {
  return Parts{.ramp = "{" + keys + "}"}.text();
}
std::string more(const std::string& keys) {
  return Parts{.more = keys}.text();
}

const Case kTop[] = {
    {"NoVersion", "name: a\n",
     "sweep.yaml:1:1: the plan has no 'kneepoint: 1', the version of its format; make that the first line"},
    {"OtherVersion", "kneepoint: 2\n",
     "sweep.yaml:1:12: 'kneepoint' is the version of the plan's format and must be 1"},
    {"UnknownKey", "kneepoint: 1\ntarget: []\n",
     "sweep.yaml:2:1: unknown key 'target' in the plan; did you mean 'targets'?"},
    {"UnknownKeyFarFromAll", "kneepoint: 1\ncolour: 3\n",
     "sweep.yaml:2:1: unknown key 'colour' in the plan; write one of: kneepoint, name, seed, records, "
     "on_agent_lost, alternate, guard_rails, bystander, thresholds, targets, scenarios"},
    {"KeyOfAnotherTool", "kneepoint: 1\nconcurrency: 3\n",
     "sweep.yaml:2:1: unknown key 'concurrency' in the plan; write the loads as a ramp of the scenario: "
     "ramp: {steps: [1, 2, 4], hold: 30s}"},
    {"FullWidthColon", "kneepoint: 1\ntargets：[a]\n",
     "sweep.yaml:2:1: not valid YAML: end of map not found; check the indentation: keys of one mapping start "
     "in one column; it holds a full-width '：': write ':' and a space"},
    {"FullWidthComma", "kneepoint: 1\ntargets: 【a，b】\n",
     "sweep.yaml:2:10: 'targets' must be a list, not a single value; it holds a full-width '，': write ', '"},
    {"SpaceOfAnotherKind", "kneepoint: 1\n\u00a0name: a\n",
     "sweep.yaml:2:1: unknown key '\u00a0name' in the plan; it holds a space of another kind (U+00A0): write "
     "plain spaces"},
    {"NoTargets", "kneepoint: 1\nscenarios: []\n", "sweep.yaml:1:1: the plan has no 'targets'; add it"},
    {"EmptyTargets", "kneepoint: 1\ntargets: []\n",
     "sweep.yaml:2:10: 'targets' is empty; give at least one item"},
    {"TargetsMapping", "kneepoint: 1\ntargets: {a: b}\n",
     "sweep.yaml:2:10: 'targets' must be a list, not a mapping"},
    {"TargetsNothing", "kneepoint: 1\ntargets:\nscenarios: []\n",
     "sweep.yaml:2:1: 'targets' has no value; give a list"},
    {"TargetIsText", "kneepoint: 1\ntargets: [a]\n",
     "sweep.yaml:2:11: target 1 must be a mapping (name, url, urls, api, dialect, model, token_limit, auth, "
     "session, headers, "
     "tls, connect_timeout, request_timeout, idle_timeout, routing, connection, replica_header, telemetry, "
     "wait_ready, gpus, cost_per_hour), not a single value"},
    {"BadName", "kneepoint: 1\nname: /b\n",
     "sweep.yaml:2:7: the plan's 'name' begins with '/'; begin it with a letter or a digit"},
    {"BadSeed", "kneepoint: 1\nseed: -1\n",
     "sweep.yaml:2:7: 'seed' must be a whole number from 0 to 9223372036854775807, not '-1'"},
    {"NoScenarios", "kneepoint: 1\ntargets: [{name: h, url: 'http://h', model: m}]\n",
     "sweep.yaml:1:1: the plan has no 'scenarios'; add it"},
    {"SameTargetTwice",
     "kneepoint: 1\ntargets:\n  - {name: h, url: 'http://h', model: m}\n  - {name: h, url: 'http://i', "
     "model: m}\n",
     "sweep.yaml:4:12: target name 'h' is taken; each target needs a name of its own"},
    {"SameScenarioTwice",
     more("slo: {ttft: {p95: 1s}}\n  - {name: chat, workload: {prompts: [a]}, ramp: {steps: [1]}}"),
     "sweep.yaml:9:12: scenario name 'chat' is taken; each scenario needs a name of its own"},
};

const Case kTarget[] = {
    {"UnknownKey", host("modle: x"),
     "sweep.yaml:3:47: unknown key 'modle' in target 'host'; did you mean 'model'?"},
    {"NoName", Parts{.target = "{url: 'http://h:1', model: m}"}.text(),
     "sweep.yaml:3:5: target 1 has no 'name'; add it"},
    {"NoModel", target("url: 'http://h:1'"), "sweep.yaml:3:5: target 'host' has no 'model'; add it"},
    {"NoUrl", target("model: m"), "sweep.yaml:3:5: target 'host' has no 'urls'; add it"},
    {"UrlAndUrls", host("urls: ['http://h:2']"),
     "sweep.yaml:3:47: target 'host' has both 'url' and 'urls'; keep one"},
    {"NoGpus", target("url: 'http://h:1', model: m, gpus: 0"),
     "sweep.yaml:3:53: 'gpus' must be a whole number from 1 to 1024, not '0'"},
    {"CostText", target("url: 'http://h:1', model: m, cost_per_hour: cheap"),
     "sweep.yaml:3:62: 'cost_per_hour' must be a number from 0 to 100000, not 'cheap'"},
    {"EmptyUrls", target("model: m, urls: []"), "sweep.yaml:3:34: 'urls' is empty; give at least one item"},
    {"UrlsText", target("model: m, urls: 'http://h:1'"),
     "sweep.yaml:3:34: 'urls' must be a list, not a single value"},
    {"SameUrlTwice", target("model: m, urls: ['http://h:1', 'http://h:1/v1']"),
     "sweep.yaml:3:49: 'http://h:1' is given twice; each replica needs a URL of its own"},
    {"UnknownApi", host("api: openai-caht"),
     "sweep.yaml:3:52: unknown api 'openai-caht'; did you mean 'openai-chat'?"},
    {"UnknownApiFarFromAll", host("api: grpc"),
     "sweep.yaml:3:52: unknown api 'grpc'; write one of: openai-chat, openai-completions, vllm-generate, "
     "custom"},
    {"UrlWithoutScheme", url("10.0.0.5:8000"),
     "sweep.yaml:3:33: '10.0.0.5:8000' is no URL; write http://HOST:PORT or https://HOST:PORT"},
    {"UrlHostAndPort", url("gpu-7:8000"),
     "sweep.yaml:3:33: 'gpu-7:8000' is no URL; write http://HOST:PORT or https://HOST:PORT"},
    {"UrlOtherScheme", url("ftp://h"), "sweep.yaml:3:33: 'ftp://h' must start with http:// or https://"},
    {"UrlWithoutHost", url("http://"),
     "sweep.yaml:3:33: 'http://' is no URL; write http://HOST:PORT or https://HOST:PORT"},
    {"UrlWithQuery", url("http://h/?a=b"), "sweep.yaml:3:33: 'http://h/' must end before '?' or '#'"},
    {"UrlWithFragment", url("http://h/#a"), "sweep.yaml:3:33: 'http://h/' must end before '?' or '#'"},
    {"UrlBadPort", url("http://h:99999"),
     "sweep.yaml:3:33: 'http://h:99999' has no valid port; ports are 1 to 65535"},
    {"UrlNoPortNumber", url("http://h:abc"),
     "sweep.yaml:3:33: 'http://h:abc' has no valid port; ports are 1 to 65535"},
    {"UrlWithCredentials", url("http://joe:hunter2@h"),
     "sweep.yaml:3:33: this URL holds credentials: a secret never stands in a plan; write auth: {env: NAME} "
     "or auth: {file: PATH}, which each agent reads on its own host"},
    {"UrlOfAnEndpoint", url("http://h:8000/v1/chat/completions"),
     "sweep.yaml:3:33: 'http://h:8000/v1/chat/completions' names an endpoint; give the base URL, the 'api' "
     "adds the rest"},
    {"UrlsInOneText", url("http://a:8000,http://b:8000"),
     "sweep.yaml:3:33: 'http://a:8000,http://b:8000' is several URLs in one text; give each by itself"},
    {"UrlInFullWidth", url("http：//h:8000"),
     "sweep.yaml:3:33: 'http：//h:8000' is no URL: it holds characters beyond ASCII; write ':' and '/' "
     "half-width, and a name such as münchen.example as xn--…"},
    {"UrlWithSpace", url("http://h :8000"),
     "sweep.yaml:3:33: 'http://h :8000' is no URL; write http://HOST:PORT or https://HOST:PORT"},
    {"InlineToken", host("token: sk-123"),
     "sweep.yaml:3:47: 'token' is refused: a secret never stands in a plan; write auth: {env: NAME} or auth: "
     "{file: PATH}, which each agent reads on its own host"},
    {"InlineApiKey", host("API_KEY: sk-123"),
     "sweep.yaml:3:47: 'API_KEY' is refused: a secret never stands in a plan; write auth: {env: NAME} or "
     "auth: {file: PATH}, which each agent reads on its own host"},
    {"AuthText", host("auth: sk-123"),
     "sweep.yaml:3:53: 'auth' is no mapping: a secret never stands in a plan; write auth: {env: NAME} or "
     "auth: {file: PATH}, which each agent reads on its own host"},
    {"AuthToken", host("auth: {token: sk-123}"),
     "sweep.yaml:3:54: 'token' is refused: a secret never stands in a plan; write auth: {env: NAME} or auth: "
     "{file: PATH}, which each agent reads on its own host"},
    {"AuthUnknownKey", host("auth: {environment: A}"),
     "sweep.yaml:3:54: unknown key 'environment' in auth; write one of: env, file, header, scheme"},
    {"AuthEmpty", host("auth: {}"),
     "sweep.yaml:3:53: auth names no source; write {env: NAME} or {file: PATH}"},
    {"AuthBoth", host("auth: {env: A, file: b}"),
     "sweep.yaml:3:62: auth has both 'env' and 'file'; keep one"},
    {"AuthEnvIsTheSecret", host("auth: {env: sk-123}"),
     "sweep.yaml:3:59: 'env' must be the name of an environment variable (letters, digits and '_'), not its "
     "value"},
    {"HeaderAuthorization", host("headers: {authorization: Bearer x}"),
     "sweep.yaml:3:57: header 'authorization' is refused: a secret never stands in a plan; write auth: {env: "
     "NAME} or auth: {file: PATH}, which each agent reads on its own host"},
    {"HeaderOurs", host("headers: {Content-Type: text/plain}"),
     "sweep.yaml:3:57: header 'Content-Type' is set by kneepoint itself; remove it"},
    {"HeaderUserAgent", host("headers: {User-Agent: mine}"),
     "sweep.yaml:3:57: header 'User-Agent' is set by kneepoint itself; remove it"},
    {"HeaderRequestId", host("headers: {x-request-id: abc}"),
     "sweep.yaml:3:57: header 'x-request-id' is set by kneepoint itself; remove it"},
    {"UnknownTokenLimit", host("token_limit: max_token"),
     "sweep.yaml:3:60: unknown token_limit 'max_token'; did you mean 'max_tokens'?"},
    {"TokenLimitOfAnotherApi", host("api: openai-completions, token_limit: max_completion_tokens"),
     "sweep.yaml:3:72: 'token_limit' belongs to openai-chat; openai-completions has one name for it"},
    {"HeaderBadName", host("headers: {'X Y': a}"),
     "sweep.yaml:3:57: 'X Y' is no header name; use letters, digits and '-'"},
    {"HeaderTwice", host("headers: {X-A: a, x-a: b}"),
     "sweep.yaml:3:65: header 'x-a' is given twice; letter case makes no difference"},
    {"HeaderOfAuth", host("auth: {env: KEY, header: X-Tenant}, headers: {x-tenant: a}"),
     "sweep.yaml:3:92: header 'x-tenant' is the one that auth sends; leave it out here"},
    {"HeaderTwoLines", host("headers: {X-A: \"a\\r\\nX-B: b\"}"),
     "sweep.yaml:3:62: header 'X-A' must be one line"},
    {"HeadersList", host("headers: [a]"),
     "sweep.yaml:3:56: 'headers' must be a mapping of names to texts, not a list"},
    {"TlsCertWithoutKey", host("tls: {cert: c.pem}"),
     "sweep.yaml:3:52: tls has only one of 'cert' and 'key'; a client certificate needs both"},
    {"TlsUnknownKey", host("tls: {cacert: c.pem}"),
     "sweep.yaml:3:53: unknown key 'cacert' in tls; did you mean 'cert'?"},
    {"TlsVerifyText", host("tls: {verify: no}"), "sweep.yaml:3:61: 'verify' must be true or false, not 'no'"},
    {"TimeoutWithoutUnit", host("connect_timeout: 10"),
     "sweep.yaml:3:64: 'connect_timeout' must be a duration such as 30s, 2m, 500ms or 1h30m, not '10'"},
    {"TimeoutZero", host("idle_timeout: 0s"),
     "sweep.yaml:3:61: 'idle_timeout' must be from 1ms to 24h, not '0s'"},
};

const Case kScenario[] = {
    {"UnknownKey",
     "kneepoint: 1\ntargets: [{name: h, url: 'http://h', model: m}]\nscenarios:\n  - name: chat\n"
     "    workload: {prompts: [a]}\n    \n    rmap: {steps: [1]}\n",
     "sweep.yaml:7:5: unknown key 'rmap' in scenario 'chat'; did you mean 'ramp'?"},
    {"NoName",
     "kneepoint: 1\ntargets: [{name: h, url: 'http://h', model: m}]\nscenarios:\n  - workload: {prompts: "
     "[a]}\n",
     "sweep.yaml:4:5: scenario 1 has no 'name'; add it"},
    {"NoRamp",
     "kneepoint: 1\ntargets: [{name: h, url: 'http://h', model: m}]\nscenarios:\n  - {name: chat, workload: "
     "{prompts: [a]}}\n",
     "sweep.yaml:4:5: scenario 'chat' has no 'ramp'; add it"},
    {"UnknownTarget", more("targets: [hots]"),
     "sweep.yaml:8:15: unknown target 'hots'; did you mean 'host'?"},
    {"TargetTwice", more("targets: [host, host]"), "sweep.yaml:8:21: target 'host' is named twice; keep one"},
    {"NoTargets", more("targets: []"), "sweep.yaml:8:14: 'targets' is empty; give at least one item"},
    {"SloEmpty", more("slo: {}"), "sweep.yaml:8:10: 'slo' is empty; write ttft: {p95: 500ms}, or remove it"},
    {"SloUnknownMetric", more("slo: {tfft: {p95: 1s}}"),
     "sweep.yaml:8:11: unknown key 'tfft' in slo of scenario 'chat'; did you mean 'ttft'?"},
    {"SloWithoutPercentile", more("slo: {ttft: 500ms}"),
     "sweep.yaml:8:17: 'ttft' needs percentiles with limits, such as {p95: 500ms}"},
    {"SloBadPercentile", more("slo: {ttft: {95: 500ms}}"),
     "sweep.yaml:8:18: '95' is no percentile; write p50, p90, p95, p99, up to p99.9"},
    {"SloPercentileTooLow", more("slo: {ttft: {p5: 500ms}}"),
     "sweep.yaml:8:18: 'p5' is no percentile; write p50, p90, p95, p99, up to p99.9"},
    {"SloPercentileTooHigh", more("slo: {ttft: {p99.99: 500ms}}"),
     "sweep.yaml:8:18: 'p99.99' is no percentile; write p50, p90, p95, p99, up to p99.9"},
    {"SloPercentileTwice", more("slo: {ttft: {p95: 500ms, p95.0: 1s}}"),
     "sweep.yaml:8:30: 'ttft' limits this percentile twice; keep one"},
    {"SloWithoutUnit", more("slo: {ttft: {p95: 500}}"),
     "sweep.yaml:8:23: 'p95' must be a duration such as 30s, 2m, 500ms or 1h30m, not '500'"},
    {"SloNothing", more("slo: {ttft: {p95: }}"),
     "sweep.yaml:8:18: 'p95' has no value; give a duration such as 30s, 2m, 500ms or 1h30m"},
    {"SloNeedsStream",
     Parts{.workload = "{prompts: [a], stream: false}", .more = "slo: {ttft: {p95: 1s}}"}.text(),
     "sweep.yaml:8:11: 'ttft' needs a stream: with stream: false only e2e is measured"},
};

const Case kWorkload[] = {
    {"NoPrompts", workload("output_tokens: 5"),
     "sweep.yaml:6:15: workload of scenario 'chat' has no 'prompts', 'dataset', 'synthetic' or 'lengths'; "
     "add one"},
    {"EmptyPrompts", prompts("[]"), "sweep.yaml:6:25: 'prompts' is empty; give at least one item"},
    {"PromptsText", prompts("hello"), "sweep.yaml:6:25: 'prompts' must be a list, not a single value"},
    {"EmptyPrompt", prompts("['']"), "sweep.yaml:6:26: a prompt is empty; give a text"},
    {"NullPrompt", prompts("[a, ~, ]"), "sweep.yaml:6:29: a prompt has no value; give a text"},
    {"MixedPrompts", prompts("[a, {class: b, text: c}]"),
     "sweep.yaml:6:29: prompts are either all texts or all {class: NAME, text: TEXT}; this one is of the "
     "other kind"},
    {"ClassWithoutName", prompts("[{text: a}]"), "sweep.yaml:6:26: a prompt class has no 'class'; add it"},
    {"ClassWithoutText", prompts("[{class: a}]"), "sweep.yaml:6:26: a prompt class has no 'text'; add it"},
    {"ClassWithBoth", prompts("[{class: a, texts: [b], text: c}]"),
     "sweep.yaml:6:49: a prompt class has both 'text' and 'texts'; keep one"},
    {"ClassTwice", prompts("[{class: a, text: b}, {class: a, text: c}]"),
     "sweep.yaml:6:55: prompt class 'a' is given twice; list its prompts under one class with 'texts'"},
    {"ClassUnknownKey", prompts("[{clas: a, text: b}]"),
     "sweep.yaml:6:27: unknown key 'clas' in a prompt class; did you mean 'class'?"},
    {"WeightZero", prompts("[{class: a, text: b, weight: 0}]"),
     "sweep.yaml:6:54: 'weight' must be a whole number from 1 to 1000, not '0'"},
    {"OutputTokensZero", workload("prompts: [a], output_tokens: 0"),
     "sweep.yaml:6:45: 'output_tokens' must be a whole number from 1 to 1000000, not '0'"},
    {"OutputTokensText", workload("prompts: [a], output_tokens: many"),
     "sweep.yaml:6:45: 'output_tokens' must be a whole number from 1 to 1000000, not 'many'"},
    {"OutputTokensFraction", workload("prompts: [a], output_tokens: 1.5"),
     "sweep.yaml:6:45: 'output_tokens' must be a whole number from 1 to 1000000, not '1.5'"},
    {"OutputTokensHuge", workload("prompts: [a], output_tokens: 99999999999999999999"),
     "sweep.yaml:6:45: 'output_tokens' must be a whole number from 1 to 1000000, not '99999999999999999999'"},
    {"TemperatureTooHigh", workload("prompts: [a], temperature: 2.5"),
     "sweep.yaml:6:43: 'temperature' must be a number from 0 to 2, not '2.5'"},
    {"TemperatureNan", workload("prompts: [a], temperature: nan"),
     "sweep.yaml:6:43: 'temperature' must be a number from 0 to 2, not 'nan'"},
    {"TopPZero", workload("prompts: [a], top_p: 0"),
     "sweep.yaml:6:37: 'top_p' must be a number from 0.001 to 1, not '0'"},
    {"StreamText", workload("prompts: [a], stream: yes"),
     "sweep.yaml:6:38: 'stream' must be true or false, not 'yes'"},
    {"ExtraBodyList", workload("prompts: [a], extra_body: [b]"),
     "sweep.yaml:6:42: 'extra_body' must be a mapping, not a list"},
    {"ExtraBodyTaken", workload("prompts: [a], extra_body: {max_tokens: 5}"),
     "sweep.yaml:6:43: 'max_tokens' cannot stand in extra_body: write 'output_tokens' in the workload"},
    {"ExtraBodyNewerLimit", workload("prompts: [a], extra_body: {max_completion_tokens: 5}"),
     "sweep.yaml:6:43: 'max_completion_tokens' cannot stand in extra_body: write 'output_tokens' in the "
     "workload and 'token_limit: max_completion_tokens' in the target"},
    {"UnknownKey", workload("prompts: [a], output_token: 5"),
     "sweep.yaml:6:30: unknown key 'output_token' in workload of scenario 'chat'; did you mean "
     "'output_tokens'?"},
};

const Case kRamp[] = {
    {"NoSteps", ramp("hold: 5s"),
     "sweep.yaml:7:11: ramp of scenario 'chat' has no steps; write steps: [1, 2, 4, 8], or from, to and "
     "factor, or search: {max: 1024}, or rate: [5, 10, 20]"},
    {"SearchAndSteps", ramp("steps: [1], search: {max: 8}"),
     "sweep.yaml:7:24: ramp of scenario 'chat' has both 'search' and 'steps'; keep one"},
    {"SearchAndRequests", ramp("search: {max: 8}, requests: 10"),
     "sweep.yaml:7:30: ramp of scenario 'chat' has both 'search' and 'requests'; keep one"},
    {"SearchNumber", ramp("search: 64"),
     "sweep.yaml:7:20: search of scenario 'chat' must be a mapping (max, precision), not a single value"},
    {"SearchMaxZero", ramp("search: {max: 0}"),
     "sweep.yaml:7:26: 'max' must be a whole number from 1 to 1000000, not '0'"},
    {"SearchPrecisionPercent", ramp("search: {precision: 10}"),
     "sweep.yaml:7:32: 'precision' must be a number from 0.02 to 1, not '10'"},
    {"SearchUnknownKey", ramp("search: {maximum: 8}"),
     "sweep.yaml:7:21: unknown key 'maximum' in search of scenario 'chat'; write one of: max, precision"},
    {"MaxDurationOfSteps", ramp("steps: [1], max_duration: 5m"),
     "sweep.yaml:7:38: 'max_duration' bounds a search; fixed steps take as long as they say"},
    {"MaxDurationShort", ramp("search: {max: 8}, max_duration: 5s"),
     "sweep.yaml:7:44: 'max_duration' must be from 1m to 24h, not '5s'"},
    {"SoakAndSteps", ramp("soak: 64, steps: [1]"),
     "sweep.yaml:7:22: ramp of scenario 'chat' has both 'soak' and 'steps'; keep one"},
    {"SoakAndSearch", ramp("soak: 64, search: {max: 8}"),
     "sweep.yaml:7:22: ramp of scenario 'chat' has both 'soak' and 'search'; keep one"},
    {"SoakAndDescend", ramp("soak: 64, descend: true"),
     "sweep.yaml:7:22: ramp of scenario 'chat' has both 'soak' and 'descend'; keep one"},
    {"SoakZero", ramp("soak: 0"),
     "sweep.yaml:7:18: 'soak' must be a whole number from 1 to 1000000, not '0'"},
    {"SoakShort", ramp("soak: 8, hold: 10s"), "sweep.yaml:7:27: 'hold' must be from 1m to 24h, not '10s'"},
    {"DescendAndRequests", ramp("steps: [1, 2], requests: 10, descend: true"),
     "sweep.yaml:7:41: ramp of scenario 'chat' has both 'descend' and 'requests'; keep one"},
    {"DescendWord", ramp("steps: [1, 2], descend: down"),
     "sweep.yaml:7:36: 'descend' must be true or false, not 'down'"},
    {"ProofNumber", ramp("steps: [1], proof: 2"),
     "sweep.yaml:7:31: proof of scenario 'chat' must be a mapping (agents), not a single value"},
    {"ProofNoAgents", ramp("steps: [1], proof: {}"),
     "sweep.yaml:7:31: proof of scenario 'chat' has no 'agents'; add it"},
    {"ProofZero", ramp("steps: [1], proof: {agents: [0]}"),
     "sweep.yaml:7:41: a number of agents must be a whole number from 1 to 1000, not '0'"},
    {"ProofTwice", ramp("steps: [1], proof: {agents: [2, 2]}"), "sweep.yaml:7:44: 2 agents are listed twice"},
    {"EmptySteps", ramp("steps: []"), "sweep.yaml:7:19: 'steps' is empty; give at least one item"},
    {"StepsNumber", ramp("steps: 5"), "sweep.yaml:7:19: 'steps' must be a list, not a single value"},
    {"StepZero", ramp("steps: [0]"),
     "sweep.yaml:7:20: a step must be a whole number from 1 to 1000000, not '0'"},
    {"StepNegative", ramp("steps: [1, -2]"),
     "sweep.yaml:7:23: a step must be a whole number from 1 to 1000000, not '-2'"},
    {"StepHuge", ramp("steps: [1000001]"),
     "sweep.yaml:7:20: a step must be a whole number from 1 to 1000000, not '1000001'"},
    {"StepsAndFrom", ramp("steps: [1], from: 2"),
     "sweep.yaml:7:24: ramp of scenario 'chat' has both 'steps' and 'from'; keep one"},
    {"FromWithoutTo", ramp("from: 2"), "sweep.yaml:7:11: ramp of scenario 'chat' has no 'to'; add it"},
    {"FactorAndBy", ramp("from: 1, to: 8, factor: 2, by: 1"),
     "sweep.yaml:7:39: ramp of scenario 'chat' has both 'factor' and 'by'; keep one"},
    {"FactorOne", ramp("from: 1, to: 8, factor: 1"),
     "sweep.yaml:7:36: 'factor' must be a number from 1.01 to 100, not '1'"},
    {"ByZero", ramp("from: 1, to: 8, by: 0"),
     "sweep.yaml:7:32: 'by' must be a whole number from 1 to 1000000, not '0'"},
    {"HoldAndRequests", ramp("steps: [1], hold: 5s, requests: 10"),
     "sweep.yaml:7:34: ramp of scenario 'chat' has both 'hold' and 'requests'; keep one"},
    {"WarmupAndRequests", ramp("steps: [1], warmup: 5s, requests: 10"),
     "sweep.yaml:7:36: ramp of scenario 'chat' has both 'warmup' and 'requests'; keep one"},
    {"HoldWithoutUnit", ramp("steps: [1], hold: 30"),
     "sweep.yaml:7:30: 'hold' must be a duration such as 30s, 2m, 500ms or 1h30m, not '30'"},
    {"HoldTooShort", ramp("steps: [1], hold: 10ms"),
     "sweep.yaml:7:30: 'hold' must be from 1s to 24h, not '10ms'"},
    {"HoldNothing", ramp("steps: [1], hold: "),
     "sweep.yaml:7:24: 'hold' has no value; give a duration such as 30s, 2m, 500ms or 1h30m"},
    {"WarmupNegative", ramp("steps: [1], warmup: -1s"),
     "sweep.yaml:7:32: 'warmup' must be a duration such as 30s, 2m, 500ms or 1h30m, not '-1s'"},
    {"RequestsZero", ramp("steps: [1], requests: 0"),
     "sweep.yaml:7:34: 'requests' must be a whole number from 1 to 1000000, not '0'"},
    {"TooManySteps", ramp("from: 1, to: 1000000, by: 1"),
     "sweep.yaml:7:11: with scenario 'chat' the plan has more than 64 steps, counted for every target; use "
     "fewer steps or a larger factor"},
    {"TooManyStepsOverTargets",
     "kneepoint: 1\ntargets:\n  - {name: a, url: 'http://a', model: m}\n  - {name: b, url: 'http://b', "
     "model: m}\n"
     "scenarios:\n  - {name: one, workload: {prompts: [x]}, ramp: {from: 1, to: 32, by: 1}}\n"
     "  - {name: two, workload: {prompts: [x]}, ramp: {steps: [1]}}\n",
     "sweep.yaml:7:49: with scenario 'two' the plan has more than 64 steps, counted for every target; use "
     "fewer steps or a larger factor"},
    {"UnknownKey", ramp("step: [1]"),
     "sweep.yaml:7:12: unknown key 'step' in ramp of scenario 'chat'; did you mean 'steps'?"},
};

const auto case_name = [](const auto& info) { return info.param.name; };
INSTANTIATE_TEST_SUITE_P(Top, PlanErrorText, testing::ValuesIn(kTop), case_name);
INSTANTIATE_TEST_SUITE_P(Target, PlanErrorText, testing::ValuesIn(kTarget), case_name);
INSTANTIATE_TEST_SUITE_P(Scenario, PlanErrorText, testing::ValuesIn(kScenario), case_name);
INSTANTIATE_TEST_SUITE_P(Workload, PlanErrorText, testing::ValuesIn(kWorkload), case_name);
INSTANTIATE_TEST_SUITE_P(Ramp, PlanErrorText, testing::ValuesIn(kRamp), case_name);

TEST(PlanErrorText, NeverRepeatsASecret) {
  for (const std::string& text :
       {url("http://joe:hunter2@h"), url("http://joe hunter2@h"), url("http://h/?key=hunter2"),
        host("token: hunter2"), host("auth: hunter2"), host("auth: {token: hunter2}"),
        host("auth: {env: hunter2!}"), host("headers: {Authorization: hunter2}")}) {
    const std::string error = error_of(text);
    EXPECT_NE(error, "");
    EXPECT_EQ(error.find("hunter2"), std::string::npos) << error;
  }
}

}  // namespace
}  // namespace kneepoint::coordinator
