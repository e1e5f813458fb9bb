#include "coordinator/report/json.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "common/json_quoted.h"
#include "coordinator/results/exit_code.h"
#include "coordinator/results/schema.h"
#include "coordinator/results/units.h"

namespace kneepoint::coordinator {
namespace {

/// Model to indented JSON. `fields` takes its subject by reference because the reader fills it; nothing is
/// changed here.
class Writer {
 public:
  Writer(std::string& out, int depth) : out_(out), depth_(depth) { out_ += '{'; }

  template <class T>
  void operator()(std::string_view name, const T& value) {
    begin(name);
    write(value);
  }
  template <class Body>
  void object(std::string_view name, Body body) {
    begin(name);
    Writer inner(out_, depth_ + 1);
    body(inner);
    inner.end();
  }
  void timestamp(std::string_view name, RealTime at) { (*this)(name, format_utc(at)); }
  void outcomes(std::string_view name, const std::array<std::uint64_t, kOutcomeCount>& counts) {
    object(name, [&](Writer& inner) {
      for (const Outcome outcome : kOutcomes)
        inner(to_string(outcome), counts[static_cast<std::size_t>(outcome)]);
    });
  }
  /// `valid`, `trust` and `reasons` follow from the remarks.
  void verdict(std::string_view name, const Verdict& verdict) {
    object(name, [&](Writer& inner) {
      inner("valid", verdict.valid());
      inner("trust", std::string(to_string(verdict.trust())));
      inner("reasons", verdict.reasons());
      inner("remarks", verdict.remarks());
    });
  }
  void exit(std::string_view name, const Report& report) {
    object(name, [&](Writer& inner) {
      inner("code", static_cast<int>(exit_code(report)));
      inner("reason", std::string(exit_reason(report)));
    });
  }
  void end() {
    line(depth_);
    out_ += '}';
  }

 private:
  void line(int depth) { out_ += fmt::format("\n{:{}}", "", 2 * depth); }
  void begin(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    line(depth_ + 1);
    write(std::string(name));
    out_ += ": ";
  }

  void write(bool value) { out_ += value ? "true" : "false"; }
  /// The fewest digits that read back the same.
  void write(double value) { out_ += std::isfinite(value) ? fmt::format("{}", value) : "null"; }
  void write(TokenSource value) { write(std::string(to_string(value))); }
  void write(Remark::Weight value) { write(std::string(to_string(value))); }
  void write(const std::string& value) { out_ += json_quoted(value); }
  void write(const Interval& value) {
    out_ += '[';
    write(value.low);
    out_ += ", ";
    write(value.high);
    out_ += ']';
  }
  template <class T>
  void write(const std::optional<T>& value) {
    if (value) {
      write(*value);
    } else {
      out_ += "null";
    }
  }
  template <class T>
  void write(const std::vector<T>& values) {
    constexpr bool kOneLine = std::is_same_v<T, std::string>;
    out_ += '[';
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0) out_ += kOneLine ? ", " : ",";
      if (!kOneLine) line(depth_ + 2);
      ++depth_;
      write(values[i]);
      --depth_;
    }
    if (!kOneLine && !values.empty()) line(depth_ + 1);
    out_ += ']';
  }
  template <class T>
  void write(const T& value) {
    if constexpr (std::is_integral_v<T>) {
      out_ += fmt::format("{}", value);
    } else {
      Writer inner(out_, depth_ + 1);
      fields(inner, const_cast<T&>(value));
      inner.end();
    }
  }

  std::string& out_;
  int depth_;
  bool first_ = true;
};

/// JSON to model. Throws std::invalid_argument with the path of what is wrong.
class Reader {
 public:
  using Value = simdjson::dom::element;

  Reader(Value value, std::string path) : path_(std::move(path)) {
    if (value.get_object().get(object_)) wrong(path_, "an object");
  }

  template <class T>
  void operator()(std::string_view name, T& into) {
    Value found;
    if (!object_.at_key(name).get(found)) read(found, into, path_of(name));
  }
  template <class Body>
  void object(std::string_view name, Body body) {
    Value found;
    if (object_.at_key(name).get(found)) return;
    Reader inner(found, path_of(name));
    body(inner);
  }
  void timestamp(std::string_view name, RealTime& at) {
    std::string text;
    (*this)(name, text);
    const auto parsed = parse_utc(text);
    if (!parsed) wrong(path_of(name), "a time like 2026-01-31T12:00:00Z");
    at = *parsed;
  }
  void outcomes(std::string_view name, std::array<std::uint64_t, kOutcomeCount>& counts) {
    object(name, [&](Reader& inner) {
      for (const Outcome outcome : kOutcomes)
        inner(to_string(outcome), counts[static_cast<std::size_t>(outcome)]);
    });
  }
  /// What follows is not read.
  void exit(std::string_view, const Report&) {}
  void verdict(std::string_view name, Verdict& verdict) {
    object(name, [&](Reader& inner) {
      std::optional<std::vector<Remark>> remarks;
      inner("remarks", remarks);
      if (!remarks) {
        bool valid = true;
        std::vector<std::string> reasons;
        inner("valid", valid);
        inner("reasons", reasons);
        remarks = remarks_of(valid, reasons);
      }
      verdict = {};
      for (Remark& remark : *remarks) verdict.add(std::move(remark));
    });
  }

 private:
  /// Of a report from before remarks had weights: which of the reasons were fatal is not known.
  static std::vector<Remark> remarks_of(bool valid, const std::vector<std::string>& reasons) {
    std::vector<Remark> remarks;
    const auto weight = valid ? Remark::Weight::kWarning : Remark::Weight::kFatal;
    for (const std::string& reason : reasons) remarks.push_back({weight, "unknown", reason, ""});
    if (!valid && remarks.empty()) remarks.push_back({weight, "unknown", "it does not say why", ""});
    return remarks;
  }

  [[noreturn]] static void wrong(const std::string& path, std::string_view expected) {
    throw std::invalid_argument(fmt::format("{} is not {}", path, expected));
  }
  std::string path_of(std::string_view name) const { return fmt::format("{}.{}", path_, name); }

  static void read(Value value, double& into, const std::string& path) {
    if (value.get_double().get(into)) wrong(path, "a number");
  }
  static void read(Value value, bool& into, const std::string& path) {
    if (value.get_bool().get(into)) wrong(path, "true or false");
  }
  static void read(Value value, std::string& into, const std::string& path) {
    std::string_view text;
    if (value.get_string().get(text)) wrong(path, "a string");
    into = text;
  }
  static void read(Value value, TokenSource& into, const std::string& path) {
    std::string name;
    read(value, name, path);
    const auto source = token_source_from_string(name);
    if (!source) wrong(path, "usage, estimated or chunks");
    into = *source;
  }
  static void read(Value value, Remark::Weight& into, const std::string& path) {
    std::string name;
    read(value, name, path);
    const auto weight = remark_weight_from_string(name);
    if (!weight) wrong(path, "fatal, reservation or warning");
    into = *weight;
  }
  static void read(Value value, Interval& into, const std::string& path) {
    simdjson::dom::array pair;
    if (value.get_array().get(pair) || pair.size() != 2) wrong(path, "[low, high]");
    read(pair.at(0).value_unsafe(), into.low, path);
    read(pair.at(1).value_unsafe(), into.high, path);
  }
  template <class T>
  static void read(Value value, std::optional<T>& into, const std::string& path) {
    if (value.is_null()) {
      into.reset();
    } else {
      read(value, into.emplace(), path);
    }
  }
  template <class T>
  static void read(Value value, std::vector<T>& into, const std::string& path) {
    simdjson::dom::array array;
    if (value.get_array().get(array)) wrong(path, "an array");
    into.clear();
    for (const Value element : array) {
      const std::string at = fmt::format("{}[{}]", path, into.size());
      read(element, into.emplace_back(), at);
    }
  }
  template <class T>
  static void read(Value value, T& into, const std::string& path) {
    if constexpr (std::is_integral_v<T>) {
      std::uint64_t whole = 0;
      if (value.get_uint64().get(whole) || whole > std::numeric_limits<T>::max()) {
        wrong(path, "a whole number in range");
      }
      into = static_cast<T>(whole);
    } else {
      Reader inner(value, path);
      fields(inner, into);
    }
  }

  simdjson::dom::object object_;
  std::string path_;
};

}  // namespace

std::string render_json(const Report& report) {
  std::string text;
  Writer writer(text, 0);
  writer("schema", std::string(kReportSchema));
  fields(writer, const_cast<Report&>(report));
  writer.end();
  return text + '\n';
}

std::string render_json(const ScenarioResult& result) {
  std::string text;
  Writer writer(text, 0);
  fields(writer, const_cast<ScenarioResult&>(result));
  writer.end();
  return text;
}

std::string compact_json(const std::string& json) {
  std::string compact(json.size(), '\0');
  std::size_t size = 0;
  if (simdjson::minify(json.data(), json.size(), compact.data(), size) != simdjson::SUCCESS) return json;
  compact.resize(size);
  return compact;
}

Result<Report> parse_report_json(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.parse(text.data(), text.size()).get(root)) {
    return Error{"it is not JSON"};
  }
  std::string_view schema;
  if (root.at_key("schema").get(schema) || schema != kReportSchema) {
    return Error{fmt::format("it is no report: its schema is not {}", kReportSchema)};
  }
  Report report;
  try {
    Reader reader(root, "report");
    fields(reader, report);
    // Before results had a verdict of their own, they shared the run's.
    if (root.at_pointer("/verdict/remarks").error()) {
      for (ScenarioResult& result : report.results) result.verdict = report.verdict;
    }
  } catch (const std::invalid_argument& wrong) {
    return Error{wrong.what()};
  }
  return report;
}

}  // namespace kneepoint::coordinator
