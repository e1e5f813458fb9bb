#include "coordinator/plan/duration.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::pair<std::string_view, Nanos>, 5> kUnits = {
    {{"h", 1h}, {"m", 1min}, {"s", 1s}, {"ms", 1ms}, {"us", 1us}}};
constexpr double kLongestSeconds = 1000.0 * 3600;

}  // namespace

std::optional<Nanos> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double seconds = 0;
  std::size_t next_unit = 0;
  while (!text.empty()) {
    if (text.front() < '0' || text.front() > '9') return std::nullopt;
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(end - text.data());
    const std::string_view unit = text.substr(0, text.find_first_not_of("hmsu"));
    while (next_unit < kUnits.size() && kUnits[next_unit].first != unit) ++next_unit;
    if (next_unit == kUnits.size()) return std::nullopt;
    seconds += number * to_seconds(kUnits[next_unit].second);
    if (seconds > kLongestSeconds) return std::nullopt;
    ++next_unit;
    text.remove_prefix(unit.size());
  }
  return from_seconds(seconds);
}

std::string format_duration(Nanos d) {
  std::string text;
  for (const auto& [unit, length] : kUnits) {
    if (d < length) continue;
    text += fmt::format("{}{}", d / length, unit);
    d %= length;
  }
  return text.empty() ? "0s" : text;
}

}  // namespace kneepoint::coordinator
