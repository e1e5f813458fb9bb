#include "coordinator/report/json_schema.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/json_quoted.h"
#include "coordinator/report/json.h"
#include "coordinator/results/exit_code.h"
#include "coordinator/results/schema.h"

namespace kneepoint::coordinator {
namespace {

/// Model types to named definitions. `fields` takes a subject, of which nothing but the types is used.
class Describer {
 public:
  explicit Describer(std::map<std::string, std::string>& definitions) : definitions_(definitions) {}

  template <class T>
  void operator()(std::string_view name, const T&) {
    add(name, type_of<T>());
  }
  template <class Body>
  void object(std::string_view name, Body body) {
    Describer inner(definitions_);
    body(inner);
    add(name, inner.text());
  }
  void timestamp(std::string_view name, RealTime) {
    add(name, R"({"type": "string", "format": "date-time"})");
  }
  void outcomes(std::string_view name, const std::array<std::uint64_t, kOutcomeCount>&) {
    Describer inner(definitions_);
    for (const Outcome outcome : kOutcomes) inner(to_string(outcome), std::uint64_t{});
    add(name, inner.text());
  }
  /// As the writer has it: what follows from the remarks stands beside them.
  void verdict(std::string_view name, const Verdict&) {
    if (!definitions_.contains("verdict")) {
      Describer inner(definitions_);
      inner("valid", bool{});
      inner.add("trust", words({to_string(Trust::kTrustworthy), to_string(Trust::kReserved),
                                to_string(Trust::kUntrusted)}));
      inner("reasons", std::vector<std::string>{});
      inner("remarks", std::vector<Remark>{});
      definitions_["verdict"] = inner.text();
    }
    add(name, R"({"$ref": "#/$defs/verdict"})");
  }
  void exit(std::string_view name, const Report&) {
    Describer inner(definitions_);
    inner("code", int{});
    inner.add("reason", words(exit_reasons()));
    add(name, inner.text());
  }

  /// A field whose schema is given.
  void add(std::string_view name, const std::string& schema) {
    if (!properties_.empty()) {
      properties_ += ", ";
      required_ += ", ";
    }
    properties_ += fmt::format("{}: {}", json_quoted(name), schema);
    required_ += json_quoted(name);
  }
  std::string members() const {
    return fmt::format(R"("type": "object", "properties": {{{}}}, "required": [{}])", properties_, required_);
  }
  std::string text() const { return fmt::format("{{{}}}", members()); }

 private:
  template <class T>
  struct Inside {
    using Type = void;
  };
  template <class T>
  struct Inside<std::optional<T>> {
    using Type = T;
  };
  template <class T>
  struct Inside<std::vector<T>> {
    using Type = T;
  };
  template <class T>
  static constexpr bool kOptional = std::is_same_v<T, std::optional<typename Inside<T>::Type>>;
  template <class T>
  static constexpr bool kList = std::is_same_v<T, std::vector<typename Inside<T>::Type>>;

  static std::string words(std::initializer_list<std::string_view> each) {
    return words(std::span(each.begin(), each.size()));
  }
  static std::string words(std::span<const std::string_view> each) {
    std::string list;
    for (const std::string_view word : each) list += (list.empty() ? "" : ", ") + json_quoted(word);
    return fmt::format(R"({{"enum": [{}]}})", list);
  }

  template <class T>
  std::string type_of() {
    if constexpr (kOptional<T>) {
      return fmt::format(R"({{"anyOf": [{}, {{"type": "null"}}]}})", type_of<typename Inside<T>::Type>());
    } else if constexpr (kList<T>) {
      return fmt::format(R"({{"type": "array", "items": {}}})", type_of<typename Inside<T>::Type>());
    } else if constexpr (std::is_same_v<T, bool>) {
      return R"({"type": "boolean"})";
    } else if constexpr (std::is_same_v<T, std::string>) {
      return R"({"type": "string"})";
    } else if constexpr (std::is_same_v<T, TokenSource>) {
      return words({to_string(TokenSource::kUsage), to_string(TokenSource::kEstimated),
                    to_string(TokenSource::kChunks)});
    } else if constexpr (std::is_same_v<T, Remark::Weight>) {
      return words({to_string(Remark::Weight::kFatal), to_string(Remark::Weight::kReservation),
                    to_string(Remark::Weight::kWarning)});
    } else if constexpr (std::is_same_v<T, Interval>) {
      return R"({"type": "array", "items": {"type": ["number", "null"]}, "minItems": 2, "maxItems": 2})";
    } else if constexpr (std::is_integral_v<T>) {
      return std::is_signed_v<T> ? R"({"type": "integer"})" : R"({"type": "integer", "minimum": 0})";
    } else if constexpr (std::is_floating_point_v<T>) {
      return R"({"type": ["number", "null"]})";  // What is not finite is written as null.
    } else {
      return object_of<T>();
    }
  }

  /// What stands in several places is defined once, under a name; the rest where it stands.
  template <class T>
  static constexpr std::string_view name_of() {
    if constexpr (std::is_same_v<T, Estimate>) return "estimate";
    if constexpr (std::is_same_v<T, LatencySummary>) return "latency";
    if constexpr (std::is_same_v<T, RequestCounts>) return "request_counts";
    if constexpr (std::is_same_v<T, Share>) return "share";
    if constexpr (std::is_same_v<T, SloCheck>) return "slo_check";
    if constexpr (std::is_same_v<T, SloCriterion>) return "slo_criterion";
    if constexpr (std::is_same_v<T, Finding>) return "finding";
    if constexpr (std::is_same_v<T, Step>) return "step";
    return "";
  }

  template <class T>
  std::string object_of() {
    constexpr std::string_view kName = name_of<T>();
    const std::string reference = fmt::format(R"({{"$ref": "#/$defs/{}"}})", kName);
    if (!kName.empty() && definitions_.contains(std::string(kName))) return reference;
    T subject{};
    Describer inner(definitions_);
    fields(inner, subject);
    if (kName.empty()) return inner.text();
    definitions_[std::string(kName)] = inner.text();
    return reference;
  }

  std::map<std::string, std::string>& definitions_;
  std::string properties_, required_;
};

/// The end of the JSON value that begins at `from`.
std::size_t end_of_value(std::string_view json, std::size_t from) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = from; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return i;
      --depth;
    } else if (c == ',' && depth == 0) {
      return i;
    }
  }
  return json.size();
}

/// JSON whose members stand on lines of their own where one line would be too long.
std::string laid_out(std::string_view json, std::size_t depth) {
  constexpr std::size_t kWidth = 110;
  const std::size_t open = json.find_first_of("{[");
  if (open == json.npos || 2 * depth + json.size() <= kWidth) return std::string(json);
  std::string text(json.substr(0, open + 1));
  std::size_t from = open + 1;
  while (from + 1 < json.size()) {
    const std::size_t to = end_of_value(json, from);
    text += fmt::format("\n{:{}}{}", "", 2 * (depth + 1), laid_out(json.substr(from, to - from), depth + 1));
    if (json[to] == ',') text += ',';
    from = json.find_first_not_of(' ', to + 1);
    if (json[to] != ',') break;
  }
  return text + fmt::format("\n{:{}}{}", "", 2 * depth, json.back());
}

}  // namespace

std::string report_json_schema() {
  std::map<std::string, std::string> definitions;
  Describer report(definitions);
  report.add("schema", fmt::format(R"({{"const": {}}})", json_quoted(kReportSchema)));
  Report subject;
  fields(report, subject);
  std::string named;
  for (const auto& [name, schema] : definitions)
    named += fmt::format("{}{}: {}", named.empty() ? "" : ", ", json_quoted(name), schema);
  const std::string json = fmt::format(
      R"({{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "report.json of kneepoint", )"
      R"("description": "Times are seconds; what could not be measured is null. docs/report.md says what each field means.", )"
      R"({}, "$defs": {{{}}}}})",
      report.members(), named);
  return laid_out(json, 0) + "\n";
}

}  // namespace kneepoint::coordinator
