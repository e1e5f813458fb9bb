#include "coordinator/telemetry/telemetry_lines.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <iterator>

#include "common/json_quoted.h"

namespace kneepoint::coordinator {
namespace {

void append_number(std::string& out, std::string_view name, double value, bool& first) {
  if (!std::isfinite(value)) return;  // JSON has no such numbers.
  if (!first) out += ',';
  first = false;
  out += json_quoted(name);
  fmt::format_to(std::back_inserter(out), ":{}", value);
}

void append_signals(std::string& out, const SignalValues& values) {
  out += '{';
  bool first = true;
  for (const auto& [signal, value] : values) append_number(out, to_string(signal), value, first);
  out += '}';
}

Error broken(std::string_view what) {
  return Error{fmt::format("it is not a line of telemetry: {}", what)};
}

Result<SignalValues> read_signals(simdjson::dom::element from) {
  simdjson::dom::object entries;
  if (from.get(entries) != simdjson::SUCCESS) return broken("signals that are no object");
  SignalValues values;
  double value = 0;
  for (const auto& [name, element] : entries) {
    if (element.get(value) != simdjson::SUCCESS) return broken(fmt::format("'{}' is no number", name));
    if (const auto signal = signal_from_string(name)) values[*signal] = value;
  }
  return values;
}

}  // namespace

std::string telemetry_line(const TelemetrySample& sample) {
  std::string out = fmt::format("{{\"second\":{},", sample.second);
  if (sample.at) out += fmt::format("\"at\":{:.3f},", *sample.at);
  out += "\"target\":";
  out += json_quoted(sample.target);
  out += ",\"source\":";
  out += json_quoted(sample.source);
  if (!sample.role.empty()) out += ",\"role\":" + json_quoted(sample.role);
  out += ",\"signals\":";
  append_signals(out, sample.values);
  if (!sample.ranks.empty()) {
    out += ",\"ranks\":";
    char before = '{';
    for (const auto& [rank, values] : sample.ranks) {
      out += fmt::format("{}\"{}\":", before, rank);
      append_signals(out, values);
      before = ',';
    }
    out += '}';
  }
  if (!sample.metrics.empty()) {
    out += ",\"metrics\":{";
    bool first = true;
    for (const auto& [name, value] : sample.metrics) append_number(out, name, value, first);
    out += '}';
  }
  out += '}';
  return out;
}

Result<TelemetrySample> parse_telemetry_line(std::string_view line) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(line.data(), line.size()).get(object) != simdjson::SUCCESS)
    return broken("no JSON object");
  TelemetrySample sample;
  std::string_view target, source;
  if (object["second"].get(sample.second) != simdjson::SUCCESS) return broken("no 'second'");
  if (double at = 0; object["at"].get(at) == simdjson::SUCCESS) sample.at = at;
  if (object["target"].get(target) != simdjson::SUCCESS) return broken("no 'target'");
  if (object["source"].get(source) != simdjson::SUCCESS) return broken("no 'source'");
  sample.target = target;
  sample.source = source;
  if (std::string_view role; object["role"].get(role) == simdjson::SUCCESS) sample.role = role;
  simdjson::dom::element signals;
  if (object["signals"].get(signals) != simdjson::SUCCESS) return broken("no 'signals'");
  auto values = read_signals(signals);
  if (!values) return values.error();
  sample.values = *std::move(values);
  simdjson::dom::object entries;
  if (object["ranks"].get(entries) == simdjson::SUCCESS) {
    for (const auto& [name, element] : entries) {
      std::uint64_t rank = 0;
      const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), rank);
      if (error != std::errc() || rest != name.data() + name.size())
        return broken(fmt::format("'{}' is no rank", name));
      auto told = read_signals(element);
      if (!told) return told.error();
      sample.ranks[rank] = *std::move(told);
    }
  }
  double value = 0;
  if (object["metrics"].get(entries) == simdjson::SUCCESS) {
    for (const auto& [name, element] : entries) {
      if (element.get(value) != simdjson::SUCCESS) return broken(fmt::format("'{}' is no number", name));
      sample.metrics[std::string(name)] = value;
    }
  }
  return sample;
}

Result<TelemetrySeries> parse_telemetry(std::string_view text, TelemetrySeries before) {
  TelemetrySeries series = std::move(before);
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.empty()) continue;
    auto sample = parse_telemetry_line(line);
    if (sample) {
      series.add(std::move(*sample));
    } else if (end != text.npos) {
      return Error{fmt::format("telemetry.jsonl:{}: {}", number, sample.error().message)};
    }
  }
  return series;
}

}  // namespace kneepoint::coordinator
