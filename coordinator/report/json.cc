#include "coordinator/report/json.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>
#include <type_traits>

#include "coordinator/report/schema.h"
#include "coordinator/report/units.h"

namespace kneepoint::coordinator {
namespace {

namespace json = boost::json;

/// Model to JSON. `fields` takes its subject by reference because the reader fills it; nothing is changed
/// here.
class Writer {
 public:
  json::object take() { return std::move(object_); }

  template <class T>
  void operator()(const char* name, const T& value) {
    object_[name] = to_json(value);
  }
  template <class Body>
  void object(const char* name, Body body) {
    Writer inner;
    body(inner);
    object_[name] = inner.take();
  }
  void timestamp(const char* name, RealTime at) { object_[name] = format_utc(at); }
  void outcomes(const char* name, const std::array<std::uint64_t, kOutcomeCount>& counts) {
    json::object by_outcome;
    for (const Outcome outcome : kOutcomes)
      by_outcome[to_string(outcome)] = counts[static_cast<std::size_t>(outcome)];
    object_[name] = std::move(by_outcome);
  }

 private:
  static json::value to_json(double value) {
    return std::isfinite(value) ? json::value(value) : json::value();
  }
  static json::value to_json(bool value) { return value; }
  static json::value to_json(const std::string& value) { return json::value(value); }
  static json::value to_json(TokenSource value) { return json::value(to_string(value)); }
  static json::value to_json(const Interval& value) {
    return json::array{to_json(value.low), to_json(value.high)};
  }
  template <class T>
  static json::value to_json(const std::optional<T>& value) {
    return value ? to_json(*value) : json::value();
  }
  template <class T>
  static json::value to_json(const std::vector<T>& values) {
    json::array array;
    for (const T& value : values) array.push_back(to_json(value));
    return array;
  }
  template <class T>
  static json::value to_json(const T& value) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<std::uint64_t>(value);
    } else {
      Writer inner;
      fields(inner, const_cast<T&>(value));
      return inner.take();
    }
  }

  json::object object_;
};

/// JSON to model. Throws std::invalid_argument with the path of what is wrong.
class Reader {
 public:
  Reader(const json::object& object, std::string path) : object_(object), path_(std::move(path)) {}

  template <class T>
  void operator()(const char* name, T& value) {
    if (const json::value* found = object_.if_contains(name)) read(*found, value, path_ + "." + name);
  }
  template <class Body>
  void object(const char* name, Body body) {
    const json::value* found = object_.if_contains(name);
    if (found == nullptr) return;
    Reader inner(object_of(*found, path_ + "." + name), path_ + "." + name);
    body(inner);
  }
  void timestamp(const char* name, RealTime& at) {
    std::string text;
    (*this)(name, text);
    const auto parsed = parse_utc(text);
    if (!parsed) wrong(path_ + "." + name, "a time like 2026-01-31T12:00:00Z");
    at = *parsed;
  }
  void outcomes(const char* name, std::array<std::uint64_t, kOutcomeCount>& counts) {
    object(name, [&](Reader& inner) {
      for (const Outcome outcome : kOutcomes) {
        inner(std::string(to_string(outcome)).c_str(), counts[static_cast<std::size_t>(outcome)]);
      }
    });
  }

 private:
  [[noreturn]] static void wrong(const std::string& path, std::string_view expected) {
    throw std::invalid_argument(fmt::format("{} is not {}", path, expected));
  }
  static const json::object& object_of(const json::value& value, const std::string& path) {
    if (!value.is_object()) wrong(path, "an object");
    return value.get_object();
  }
  static void read(const json::value& value, double& into, const std::string& path) {
    boost::system::error_code error;
    into = value.to_number<double>(error);
    if (error) wrong(path, "a number");
  }
  static void read(const json::value& value, bool& into, const std::string& path) {
    if (!value.is_bool()) wrong(path, "true or false");
    into = value.get_bool();
  }
  static void read(const json::value& value, std::string& into, const std::string& path) {
    if (!value.is_string()) wrong(path, "a string");
    into = std::string(value.get_string());
  }
  static void read(const json::value& value, TokenSource& into, const std::string& path) {
    const auto source = value.is_string() ? token_source_from_string(value.get_string()) : std::nullopt;
    if (!source) wrong(path, "usage, estimated or chunks");
    into = *source;
  }
  static void read(const json::value& value, Interval& into, const std::string& path) {
    if (!value.is_array() || value.get_array().size() != 2) wrong(path, "[low, high]");
    read(value.get_array()[0], into.low, path);
    read(value.get_array()[1], into.high, path);
  }
  template <class T>
  static void read(const json::value& value, std::optional<T>& into, const std::string& path) {
    if (value.is_null()) {
      into.reset();
    } else {
      read(value, into.emplace(), path);
    }
  }
  template <class T>
  static void read(const json::value& value, std::vector<T>& into, const std::string& path) {
    if (!value.is_array()) wrong(path, "an array");
    into.clear();
    for (const json::value& element : value.get_array()) {
      read(element, into.emplace_back(), fmt::format("{}[{}]", path, into.size() - 1));
    }
  }
  template <class T>
  static void read(const json::value& value, T& into, const std::string& path) {
    if constexpr (std::is_integral_v<T>) {
      boost::system::error_code error;
      into = value.to_number<T>(error);
      if (error) wrong(path, "a whole number in range");
    } else {
      Reader inner(object_of(value, path), path);
      fields(inner, into);
    }
  }

  const json::object& object_;
  std::string path_;
};

/// Indented by two; arrays of plain values on one line; doubles in the fewest digits that read back the same.
void print(const json::value& value, int indent, std::string& out) {
  const auto line = [&](int depth) { out += fmt::format("\n{:{}}", "", 2 * depth); };
  const auto plain = [](const json::value& v) { return !v.is_object() && !v.is_array(); };
  if (value.is_double()) {
    out += fmt::format("{}", value.get_double());
  } else if (plain(value)) {
    out += json::serialize(value);
  } else if (value.is_array()) {
    const json::array& array = value.get_array();
    const bool one_line = std::all_of(array.begin(), array.end(), plain);
    out += '[';
    for (std::size_t i = 0; i < array.size(); ++i) {
      if (i > 0) out += one_line ? ", " : ",";
      if (!one_line) line(indent + 1);
      print(array[i], indent + 1, out);
    }
    if (!one_line) line(indent);
    out += ']';
  } else {
    out += '{';
    bool first = true;
    for (const auto& [name, member] : value.get_object()) {
      if (!first) out += ',';
      first = false;
      line(indent + 1);
      out += json::serialize(json::value(name)) + ": ";
      print(member, indent + 1, out);
    }
    if (!first) line(indent);
    out += '}';
  }
}

}  // namespace

std::string render_json(const Report& report) {
  Writer writer;
  writer("schema", std::string(kReportSchema));
  fields(writer, const_cast<Report&>(report));
  std::string text;
  print(writer.take(), 0, text);
  return text + '\n';
}

Result<Report> parse_report_json(std::string_view text) {
  boost::system::error_code error;
  const json::value root = json::parse(json::string_view(text.data(), text.size()), error);
  if (error) return Error{fmt::format("report is not JSON: {}", error.message())};
  const json::value* schema = root.is_object() ? root.get_object().if_contains("schema") : nullptr;
  if (schema == nullptr || !schema->is_string() || schema->get_string() != kReportSchema) {
    return Error{fmt::format("report has not the schema {}", kReportSchema)};
  }
  Report report;
  try {
    Reader reader(root.get_object(), "report");
    fields(reader, report);
  } catch (const std::invalid_argument& wrong) {
    return Error{wrong.what()};
  }
  return report;
}

}  // namespace kneepoint::coordinator
