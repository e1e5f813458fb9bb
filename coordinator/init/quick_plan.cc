#include "coordinator/init/quick_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include "common/printable.h"
#include "coordinator/init/plan_text.h"
#include "coordinator/init/replicas.h"
#include "coordinator/plan/duration.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kSearchMost = 1024;
constexpr Nanos kShortestHold = 1s;
constexpr std::string_view kSloHelp = "write METRIC_pNN<DURATION, as ttft_p95<500ms or tpot_p95<50ms";

std::string ramp_text(const QuickShape& shape) {
  if (shape.search) {
    return fmt::format("      search: {{max: {}}}\n      max_duration: ${{longest:-30m}}\n", kSearchMost);
  }
  return fmt::format(
      "      steps: [{}]\n      warmup: ${{warmup:-10s}}\n      hold: ${{hold:-60s}}\n      confirm: "
      "${{confirm:-true}}\n",
      fmt::join(shape.steps, ", "));
}

/// Whether there is room for the workload.
Result<void> check_context(const std::vector<HostFacts>& hosts, const QuickShape& shape) {
  const std::uint64_t answer = hosts.front().writes_text ? shape.output_tokens + shape.output_tokens / 2 : 0;
  const auto room = smallest_context(hosts);
  if (!room || *room >= shape.input_tokens + answer) return {};
  return Error{fmt::format(
      "the context of {} tokens is too short for {} of prompt and up to {} of answer; give less with --input "
      "and --output",
      *room, shape.input_tokens, answer)};
}

/// The limits that this host can be held to.
Result<std::vector<std::string>> limits_for(const HostFacts& host, const QuickShape& shape) {
  if (host.streams) return shape.slo;
  if (shape.slo == QuickShape{}.slo && !host.writes_text)
    return std::vector{fmt::format("e2e_p95<{}", kEmbeddingTime)};
  if (shape.slo == QuickShape{}.slo)
    return std::vector{fmt::format("e2e_p95<{}s", whole_answer_seconds(0.5, shape.output_tokens))};
  for (const std::string& limit : shape.slo) {
    if (!limit.starts_with("e2e_"))
      return Error{fmt::format("{} does not stream, so '{}' cannot be measured; write e2e_pNN<DURATION",
                               host.url, printable(limit))};
  }
  return shape.slo;
}

}  // namespace

Result<std::string> slo_text(const std::vector<std::string>& limits) {
  std::vector<std::pair<std::string, std::string>> metrics;  // as given
  for (const std::string& limit : limits) {
    const std::size_t sign = limit.find('<');
    const std::size_t mark = limit.find("_p");
    const auto no_limit = [&] {
      return Error{fmt::format("'{}' is no limit; {}", printable(limit), kSloHelp)};
    };
    if (sign == limit.npos || mark == limit.npos || mark == 0 || mark > sign) return no_limit();
    const std::string metric = limit.substr(0, mark);
    const std::string percentile = limit.substr(mark + 1, sign - mark - 1);
    const std::size_t value = limit.find_first_not_of("<= ", sign);
    const auto duration = value == limit.npos ? std::nullopt : parse_duration(limit.substr(value));
    const auto is_word = [](const std::string& word) {
      return std::all_of(word.begin(), word.end(),
                         [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
    };
    if (!duration || !is_word(metric) || !is_word(percentile)) return no_limit();
    auto known =
        std::find_if(metrics.begin(), metrics.end(), [&](const auto& m) { return m.first == metric; });
    if (known == metrics.end()) known = metrics.insert(known, {metric, ""});
    std::string& into = known->second;
    into += fmt::format("{}{}: {}", into.empty() ? "" : ", ", percentile, format_duration(*duration));
  }
  std::string text = metrics.empty() ? "" : "    slo:\n";
  for (const auto& [metric, each] : metrics) text += fmt::format("      {}: {{{}}}\n", metric, each);
  return text;
}

Result<std::vector<std::uint32_t>> parse_loads(const std::string& text) {
  std::vector<std::uint32_t> loads;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    std::uint32_t load = 0;
    const auto [rest, error] = std::from_chars(text.data() + at, text.data() + end, load);
    if (error != std::errc{} || rest != text.data() + end || load == 0 ||
        (!loads.empty() && load <= loads.back())) {
      return Error{fmt::format(
          "'{}' is no list of concurrencies; write rising numbers with commas, as 1,8,32", printable(text))};
    }
    loads.push_back(load);
    at = end + 1;
  }
  return loads;
}

Result<std::string> quick_plan(const std::vector<HostFacts>& hosts, const std::string& name,
                               const QuickShape& shape) {
  if (const auto alike = check_replicas(hosts); !alike) return alike.error();
  if (const auto fits = check_context(hosts, shape); !fits) return fits.error();
  const HostFacts& first = hosts.front();
  const auto limits = limits_for(first, shape);
  if (!limits) return limits.error();
  const auto slo = slo_text(*limits);
  if (!slo) return slo.error();
  std::vector<std::string> urls;
  for (const HostFacts& host : hosts) urls.push_back(fmt::format("\"{}\"", host.url));
  const std::string_view shorter = shape.search ? "--set longest=5m" : "--set hold=10s --set warmup=2s";
  return fmt::format(
      R"(# yaml-language-server: $schema=plan.schema.json
# How many requests at a time does {model_name} hold?
# The short look (`kneepoint quick`) and the answer are this one plan; FILE is its name:
#
#   kneepoint run FILE
#   kneepoint run FILE {shorter}     sooner, and less sure
#
# Every key is in docs/plan.md.
kneepoint: 1
name: {name}
targets:
  - name: host
    urls: [{urls}]
{api}    model: {model}
{auth}scenarios:
  - name: {scenario}
    workload:
      synthetic:
        input_tokens: ${{input:-{input}}}
{answer}    ramp:
{ramp}{slo})",
      fmt::arg("model_name", printable(first.models.front().id)),
      fmt::arg("model", yaml_quoted(first.models.front().id)), fmt::arg("shorter", shorter),
      fmt::arg("name", yaml_name(name)), fmt::arg("urls", fmt::join(urls, ", ")),
      fmt::arg("api", api_text(first)), fmt::arg("auth", auth_text(first.auth)),
      fmt::arg("input", shape.input_tokens), fmt::arg("answer", answer_text(first, shape.output_tokens, "")),
      fmt::arg("scenario", first.writes_text ? "chat" : "texts"), fmt::arg("ramp", ramp_text(shape)),
      fmt::arg("slo", *slo));
}

std::vector<std::string> quick_settings(const QuickShape& shape, Nanos length) {
  if (shape.search) return {"longest=" + format_duration(std::max<Nanos>(length, 1min))};
  const Nanos each = std::max<Nanos>(length / static_cast<std::int64_t>(shape.steps.size()), kShortestHold);
  const Nanos warmup = each / 5;
  return {"warmup=" + format_duration(warmup),
          "hold=" + format_duration(std::max<Nanos>(each - warmup, kShortestHold)), "confirm=false"};
}

}  // namespace kneepoint::coordinator
