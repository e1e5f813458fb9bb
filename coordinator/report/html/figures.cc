#include "coordinator/report/html/figures.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cmath>
#include <ctime>
#include <utility>

#include "coordinator/report/html/markup.h"

namespace kneepoint::coordinator::html {
namespace {

/// Three significant digits, never an exponent.
std::string three_digits(double value) {
  const double magnitude = std::abs(value);
  if (magnitude == 0) return "0";
  if (magnitude >= 99.95) return fmt::format("{:.0f}", value);
  if (magnitude >= 9.995) return fmt::format("{:.1f}", value);
  if (magnitude >= 0.0995) return fmt::format("{:.2f}", value);
  return fmt::format("{:.{}f}", value, static_cast<int>(std::ceil(-std::log10(magnitude))) + 1);
}

}  // namespace

std::string time_text(double seconds) {
  if (seconds >= 599.5) {
    const auto whole = std::llround(seconds);
    if (whole >= 3600) return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
    return fmt::format("{} min {} s", whole / 60, whole % 60);
  }
  if (seconds >= 0.9995) return three_digits(seconds) + " s";
  if (seconds >= 0.9995e-3) return three_digits(seconds * 1e3) + " ms";
  return three_digits(seconds * 1e6) + " µs";
}

std::string number_text(double value) {
  if (std::abs(value) < 999.5) {
    return value == std::floor(value) ? fmt::format("{:.0f}", value) : three_digits(value);
  }
  std::string digits = fmt::format("{:.0f}", value);
  const std::size_t first = digits.front() == '-' ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string percent_text(double ratio) {
  return three_digits(ratio * 100) + " %";
}

std::string interval_text(const Interval& interval) {
  return number_text(interval.low) + " to " + number_text(interval.high);
}

std::string utc_text(RealTime at) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(seconds));
}

Figure absent(std::string reason) {
  return {.text = "n/a", .absent_reason = std::move(reason)};
}

Figure number(std::optional<double> value, std::string reason) {
  if (!value) return absent(std::move(reason));
  return {.text = number_text(*value), .raw = value};
}

Figure count(std::uint64_t value) {
  return number(static_cast<double>(value), {});
}

Figure time(std::optional<double> seconds, std::string reason) {
  if (!seconds) return absent(std::move(reason));
  return {.text = time_text(*seconds), .raw = seconds};
}

Figure percent(std::optional<double> ratio, std::string reason) {
  if (!ratio) return absent(std::move(reason));
  return {.text = percent_text(*ratio), .raw = ratio};
}

Figure text(std::string value) {
  return {.text = std::move(value)};
}

Figure estimate(const Estimate& estimate, std::string reason) {
  Figure figure = number(estimate.value, std::move(reason));
  if (estimate.value && estimate.ci95) {
    figure.suffix = "± " + number_text((estimate.ci95->high - estimate.ci95->low) / 2);
  }
  return figure;
}

std::string inline_markup(const Figure& figure) {
  if (!figure.absent_reason.empty()) {
    return fmt::format(R"(<abbr class="absent" tabindex="0" title="{}">{}</abbr>)",
                       escape(figure.absent_reason), escape(figure.text));
  }
  std::string markup = escape(figure.text);
  if (!figure.suffix.empty())
    markup += fmt::format(R"( <span class="plus-minus">{}</span>)", escape(figure.suffix));
  return markup;
}

}  // namespace kneepoint::coordinator::html
