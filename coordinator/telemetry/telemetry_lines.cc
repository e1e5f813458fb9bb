#include "coordinator/telemetry/telemetry_lines.h"

#include <fmt/format.h>
#include <simdjson.h>

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

Error broken(std::string_view what) {
  return Error{fmt::format("it is not a line of telemetry: {}", what)};
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
  out += ",\"signals\":{";
  bool first = true;
  for (const auto& [signal, value] : sample.values) append_number(out, to_string(signal), value, first);
  out += '}';
  if (!sample.metrics.empty()) {
    out += ",\"metrics\":{";
    first = true;
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
  simdjson::dom::object entries;
  if (object["signals"].get(entries) != simdjson::SUCCESS) return broken("no 'signals'");
  double value = 0;
  for (const auto& [name, element] : entries) {
    if (element.get(value) != simdjson::SUCCESS) return broken(fmt::format("'{}' is no number", name));
    if (const auto signal = signal_from_string(name)) sample.values[*signal] = value;
  }
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
