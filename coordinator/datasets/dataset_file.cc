#include "coordinator/datasets/dataset_file.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <span>
#include <utility>

#include "common/name.h"
#include "coordinator/datasets/bodies.h"
#include "coordinator/datasets/collector.h"
#include "coordinator/datasets/csv_prompts.h"
#include "coordinator/datasets/json_prompts.h"
#include "coordinator/datasets/otel_spans.h"
#include "coordinator/datasets/traces.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::array<std::pair<DatasetFormat, std::string_view>, 9> kFormats = {
    {{DatasetFormat::kJsonLines, "jsonl"},
     {DatasetFormat::kCsv, "csv"},
     {DatasetFormat::kShareGpt, "sharegpt"},
     {DatasetFormat::kBodies, "bodies"},
     {DatasetFormat::kMooncake, "mooncake"},
     {DatasetFormat::kBailian, "bailian"},
     {DatasetFormat::kOtelSpans, "otel"},
     {DatasetFormat::kAzureLlm, "azure-llm"},
     {DatasetFormat::kBurstGpt, "burstgpt"}}};

constexpr std::uint64_t kMaxFileBytes = (std::uint64_t{4} << 30) - 1;
constexpr std::uint64_t kMostTokens = 1 << 24;

/// The line of the first byte that is no UTF-8; 0 when all are.
std::size_t broken_line(std::string_view text) {
  if (simdjson::validate_utf8(text.data(), text.size())) return 0;
  std::size_t line = 1;
  for (std::size_t begin = 0; begin < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (!simdjson::validate_utf8(text.data() + begin, end - begin)) return line;
    begin = end + 1;
  }
  return line;
}

/// The code unit of "\\uXXXX" at the start of `text`; -1 where none stands there.
int escaped_unit(std::string_view text) {
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return -1;
  int unit = 0;
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + 6, unit, 16);
  return error == std::errc{} && end == text.data() + 6 && unit >= 0 ? unit : -1;
}

/// Halves of characters, which logs of chats that were cut have, become U+FFFD, as every reader of texts
/// shows them: no JSON parser of ours takes them, and no host needs to. In place: the escape is as long.
void replace_lone_surrogates(std::span<char> json) {
  std::string_view rest(json.data(), json.size());
  for (std::size_t at; (at = rest.find('\\')) != rest.npos;) {
    rest.remove_prefix(at);
    const int unit = escaped_unit(rest);
    std::size_t length = unit < 0 ? 2 : 6;
    if (unit >= 0xD800 && unit <= 0xDFFF) {
      const int low = escaped_unit(rest.substr(6));
      if (unit < 0xDC00 && low >= 0xDC00 && low <= 0xDFFF) {
        length = 12;
      } else {
        std::copy_n("fffd", 4, json.data() + (rest.data() - json.data()) + 2);
      }
    }
    rest.remove_prefix(std::min(length, rest.size()));
  }
}

bool is_csv(DatasetFormat format) {
  return format == DatasetFormat::kCsv || format == DatasetFormat::kAzureLlm ||
         format == DatasetFormat::kBurstGpt;
}

/// Whether one bad line of it says nothing about the others.
bool is_lines(DatasetFormat format) {
  return format == DatasetFormat::kJsonLines || format == DatasetFormat::kBodies ||
         format == DatasetFormat::kMooncake || format == DatasetFormat::kBailian ||
         format == DatasetFormat::kOtelSpans;
}

void read_text(const DatasetSpec& spec, const simdjson::padded_string& text, DatasetCollector& into) {
  std::string_view view(text.data(), text.size());
  const bool told_later = into.skips() && is_lines(spec.format);  // by the JSON parser, of the single line
  if (const std::size_t line = told_later ? 0 : broken_line(view); line > 0)
    throw DatasetError{line, "is not UTF-8"};
  if (view.starts_with("\xEF\xBB\xBF")) view.remove_prefix(3);  // a byte order mark
  switch (spec.format) {
    case DatasetFormat::kJsonLines:
      read_json_lines(view, spec, into);
      break;
    case DatasetFormat::kCsv:
      read_csv_prompts(view, spec, into);
      break;
    case DatasetFormat::kShareGpt:
      read_share_gpt(view, spec, into);
      break;
    case DatasetFormat::kBodies:
      read_bodies(view, into);
      break;
    case DatasetFormat::kMooncake:
      read_mooncake(view, spec, into);
      break;
    case DatasetFormat::kBailian:
      read_bailian(view, spec, into);
      break;
    case DatasetFormat::kOtelSpans:
      read_otel_spans(view, spec.sessions, into);
      break;
    case DatasetFormat::kAzureLlm:
      read_azure_llm(view, into);
      break;
    case DatasetFormat::kBurstGpt:
      read_burst_gpt(view, into);
      break;
  }
}

/// "file:line: what is wrong"
std::string told(const DatasetSpec& spec, const DatasetError& error) {
  return error.line == 0 ? fmt::format("{}: {}", spec.path, error.what)
                         : fmt::format("{}:{}: {}", spec.path, error.line, error.what);
}

}  // namespace

std::string_view to_string(DatasetFormat format) {
  return std::find_if(kFormats.begin(), kFormats.end(), [&](const auto& row) { return row.first == format; })
      ->second;
}

std::optional<DatasetFormat> dataset_format_from_string(std::string_view name) {
  const auto row =
      std::find_if(kFormats.begin(), kFormats.end(), [&](const auto& r) { return r.second == name; });
  if (row == kFormats.end()) return std::nullopt;
  return row->first;
}

bool is_trace(DatasetFormat format) {
  return format == DatasetFormat::kMooncake || format == DatasetFormat::kBailian ||
         format == DatasetFormat::kOtelSpans || format == DatasetFormat::kAzureLlm ||
         format == DatasetFormat::kBurstGpt;
}

Result<DatasetRead> read_dataset(const DatasetSpec& spec) {
  std::error_code problem;
  // Only files end: a device or a pipe would be read for ever.
  const bool regular = std::filesystem::is_regular_file(spec.path, problem);
  const std::uint64_t size = regular ? std::filesystem::file_size(spec.path, problem) : 0;
  if (!regular || problem)
    return Error{fmt::format("{}: cannot be read; check the path and its permissions", spec.path)};
  if (size > kMaxFileBytes) return Error{fmt::format("{}: is larger than 4 GiB; cut it", spec.path)};
  simdjson::padded_string text;
  if (simdjson::padded_string::load(spec.path).get(text))
    return Error{fmt::format("{}: cannot be read; check the path and its permissions", spec.path)};
  try {
    DatasetRead read{.dataset = {}, .sha256 = content_hash({text.data(), text.size()}), .first_skipped = {}};
    if (!is_csv(spec.format)) replace_lone_surrogates({text.data(), text.size()});
    DatasetCollector into(spec.limit, spec.skip_bad_lines);
    read_text(spec, text, into);
    read.skipped = into.skipped();
    if (read.skipped > 0) read.first_skipped = told(spec, into.first_skipped());
    read.dataset = std::move(into).finish();
    return read;
  } catch (const DatasetError& error) {
    return Error{told(spec, error)};
  }
}

// --- what the readers share ---

std::uint32_t DatasetCollector::class_number(std::string_view name, std::size_t line) {
  const auto known = classes_.find(name);
  if (known != classes_.end()) return known->second;
  if (name.empty() || name.size() > 64) throw DatasetError{line, "a class needs a name of at most 64 bytes"};
  // It ends up where a plan's names do: tables, labels, pages. But it may begin as values of a field do: -1.
  if (const auto fault = name_fault(fmt::format("x{}", name)))
    throw DatasetError{line, fmt::format("the name of a class {}", *fault)};
  if (classes_.size() == kMostDatasetClasses)
    throw DatasetError{
        line, fmt::format("more than {} classes; name a field with fewer values", kMostDatasetClasses), true};
  const auto number = static_cast<std::uint32_t>(classes_.size());
  classes_.emplace(name, number);
  dataset_.classes.emplace_back(name);
  return number;
}

void DatasetCollector::add(DatasetEntry entry, std::size_t line,
                           const std::optional<std::string>& prompt_class) {
  for (const std::string& turn : entry.turns) {
    if (turn.empty()) throw DatasetError{line, "the prompt is empty"};
    charge(turn.size() + 8, line);
  }
  charge(16 + 8 * (entry.blocks.size() + entry.gaps.size()), line);
  if (prompt_class) entry.prompt_class = class_number(*prompt_class, line);
  dataset_.entries.push_back(std::move(entry));
}

void DatasetCollector::add_turn(std::size_t entry, TraceTurn turn, Nanos gap, std::size_t line) {
  charge(24 + 8 * turn.blocks.size() + 4 * turn.after.size(), line);
  dataset_.entries[entry].later.push_back(std::move(turn));
  dataset_.entries[entry].gaps.push_back(gap);
}

void DatasetCollector::charge(std::size_t bytes, std::size_t line) {
  bytes_ += bytes;
  if (bytes_ > kMaxDatasetBytes - (kMaxDatasetBytes >> 4))
    throw DatasetError{line, "up to here it is more than agents can hold (240 MiB); set 'limit'", true};
}

Dataset DatasetCollector::finish() && {
  if (dataset_.entries.empty())
    throw DatasetError{0, skipped_ > 0 ? "has no entries but bad lines" : "has no entries"};
  if (dataset_.classes.empty()) dataset_.classes.emplace_back("default");
  return std::move(dataset_);
}

std::uint32_t token_count(std::string_view text, std::string_view field, std::size_t line) {
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || stop != text.data() + text.size())
    throw DatasetError{line, fmt::format("'{}' is not a whole number", field)};
  return token_count(value, field, line);
}

std::uint32_t token_count(std::uint64_t value, std::string_view field, std::size_t line) {
  if (value > kMostTokens) throw DatasetError{line, fmt::format("'{}' is absurdly large", field)};
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(value, 1));
}

}  // namespace kneepoint::coordinator
