#include "coordinator/report/html/figures.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <utility>

#include "coordinator/report/html/markup.h"
#include "coordinator/results/units.h"

namespace kneepoint::coordinator::html {
std::string percent_text(double ratio) {
  return format_figure(ratio * 100) + " %";
}

std::string interval_text(const Interval& interval) {
  return format_figure(interval.low) + " to " + format_figure(interval.high);
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
  return {.text = format_figure(*value), .raw = value};
}

Figure count(std::uint64_t value) {
  return number(static_cast<double>(value), {});
}

Figure time(std::optional<double> seconds, std::string reason) {
  if (!seconds) return absent(std::move(reason));
  return {.text = format_time(*seconds), .raw = seconds};
}

Figure percent(std::optional<double> ratio, std::string reason) {
  if (!ratio) return absent(std::move(reason));
  return {.text = percent_text(*ratio), .raw = ratio};
}

Figure text(std::string value) {
  return {.text = std::move(value)};
}

Figure estimate(const Estimate& estimate, std::string reason) {
  if (!estimate.value && estimate.ci95) {
    return absent(fmt::format("Between {} and {}: what counts it does not agree",
                              format_figure(estimate.ci95->low), format_figure(estimate.ci95->high)));
  }
  Figure figure = number(estimate.value, std::move(reason));
  if (estimate.value && estimate.ci95) {
    figure.suffix = "± " + format_figure((estimate.ci95->high - estimate.ci95->low) / 2);
  }
  return figure;
}

std::string inline_markup(const Figure& figure) {
  if (!figure.absent_reason.empty()) {
    return fmt::format(R"(<abbr class="absent" title="{}">{}</abbr>)", escape(figure.absent_reason),
                       escape(figure.text));
  }
  std::string markup = escape(figure.text);
  if (!figure.suffix.empty())
    markup += fmt::format(R"( <span class="plus-minus">{}</span>)", escape(figure.suffix));
  return markup;
}

}  // namespace kneepoint::coordinator::html
