#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "common/plan.h"
#include "common/wire_check.h"

namespace google::protobuf {
template <class Message>
class RepeatedPtrField;
}

namespace kneepoint::v1 {
class Calibration;
class Header;
class Workload;
}  // namespace kneepoint::v1

/// The workload's part of an assignment, and what both parts use. Private to common/wire_*.cc.
namespace kneepoint::wire {

inline constexpr std::size_t kMaxName = 1024;
inline constexpr std::size_t kMaxPath = 4096;
inline constexpr std::size_t kMaxText = 16 << 20;

/// Throws Invalid.
Workload workload_from(const Field& at, const v1::Workload& message);
Calibration calibration_from(const Field& at, const v1::Calibration& message);
void to_message(const Workload& workload, v1::Workload& out);
void to_message(const Calibration& calibration, v1::Calibration& out);

using Headers = google::protobuf::RepeatedPtrField<v1::Header>;
std::map<std::string, std::string> headers_from(const Field& at, const Headers& messages);
void to_messages(const std::map<std::string, std::string>& headers, Headers& out);

template <class Table, class Domain>
auto message_of(const Table& table, Domain value) {
  return std::find_if(table.begin(), table.end(), [&](const auto& row) { return row.first == value; })
      ->second;
}

template <class Table, class Message>
auto domain_of(const Field& at, const Table& table, Message value) {
  const auto row = std::find_if(table.begin(), table.end(), [&](const auto& r) { return r.second == value; });
  if (row == table.end()) refuse(at, fmt::format("unknown value {}", static_cast<int>(value)));
  return row->first;
}

inline std::string text(const Field& at, const std::string& value, std::size_t most = kMaxText) {
  if (value.size() > most) refuse(at, fmt::format("{} bytes, at most {} are allowed", value.size(), most));
  return value;
}

/// One line: what may stand in a header, a URL, a path or a label.
inline std::string line(const Field& at, const std::string& value, std::size_t most) {
  if (std::any_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    refuse(at, "holds control characters");
  }
  return text(at, value, most);
}

inline std::string filled_line(const Field& at, const std::string& value, std::size_t most) {
  if (value.empty()) refuse(at, "is empty");
  return line(at, value, most);
}

}  // namespace kneepoint::wire
