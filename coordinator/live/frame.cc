#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/plural.h"
#include "common/printable.h"
#include "coordinator/live/terminal.h"
#include "coordinator/report/columns.h"
#include "coordinator/results/units.h"

/// The pure half of terminal.h: a LiveView as text.
namespace kneepoint::coordinator {
namespace {

constexpr std::size_t kWidestBar = 40;

enum class Colour { kRed = 31, kGreen = 32, kYellow = 33, kCyan = 36 };

/// A line made of pieces, cut at its width in columns; escape sequences take none.
class Line {
 public:
  explicit Line(const FrameStyle& style) : style_(style), left_(style.width > 1 ? style.width - 1 : 0) {}

  Line& add(std::string_view text) {
    const std::string piece = fit_columns(text, left_, style_.utf8 ? "…" : "~");
    left_ = piece.size() < text.size() ? 0 : left_ - column_width(piece);
    text_ += piece;
    return *this;
  }

  Line& add(std::string_view text, Colour colour) {
    if (!style_.colour || left_ == 0) return add(text);
    text_ += fmt::format("\x1b[{}m", static_cast<int>(colour));
    add(text);
    text_ += "\x1b[0m";
    return *this;
  }

  std::size_t left() const { return left_; }
  std::string str() const { return text_ + "\n"; }

 private:
  const FrameStyle& style_;
  std::size_t left_;
  std::string text_;
};

/// A name from a plan, fit for this terminal.
std::string name(std::string_view text, bool utf8) {
  std::string result = printable(text);
  if (!utf8) {
    for (char& byte : result) {
      if (static_cast<unsigned char>(byte) >= 0x80) byte = '?';
    }
  }
  return result;
}

std::string bar(double progress, std::size_t width, bool utf8) {
  const double cells = std::clamp(progress, 0.0, 1.0) * static_cast<double>(width);
  const auto whole = static_cast<std::size_t>(cells);
  std::string result;
  if (!utf8) {
    result.append(whole, '#');
    result.append(width - whole, '.');
    return result;
  }
  static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  for (std::size_t i = 0; i < whole; ++i) result += "█";
  const std::string_view part = kEighths[static_cast<int>((cells - static_cast<double>(whole)) * 8)];
  result += part;
  for (std::size_t i = whole + (part.empty() ? 0 : 1); i < width; ++i) result += "░";
  return result;
}

std::string rate(std::optional<double> value, std::string_view unit, bool utf8) {
  if (!value) return fmt::format("{} {}", utf8 ? "–" : "-", unit);
  return fmt::format("{:.{}f} {}", *value, *value < 100 ? 1 : 0, unit);
}

/// "3 errors (connect 2, timeout 1)", the most frequent first; empty for none. Cancellation by the tool
/// itself is no error.
std::string errors(const std::array<std::uint64_t, kOutcomeCount>& outcomes) {
  std::vector<std::pair<std::uint64_t, Outcome>> kinds;
  std::uint64_t total = 0;
  for (const Outcome outcome : kOutcomes) {
    const std::uint64_t count = outcomes[static_cast<std::size_t>(outcome)];
    if (count == 0 || outcome == Outcome::kSuccess || outcome == Outcome::kCancelled) continue;
    kinds.emplace_back(count, outcome);
    total += count;
  }
  if (total == 0) return {};
  std::stable_sort(kinds.begin(), kinds.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string list;
  for (const auto& [count, outcome] : kinds) {
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", to_string(outcome), count);
  }
  return fmt::format("{} ({})", plural(total, "error"), list);
}

/// "chat on host  step 3/7"
std::string place(const LiveView& view, bool utf8) {
  if (view.scenario.empty()) return name(view.plan, utf8);
  std::string text = fmt::format("{} on {}", name(view.scenario, utf8), name(view.target, utf8));
  if (view.step > 0) text += fmt::format("  step {}{}", view.step, view.of_steps);
  return text;
}

/// "8/8 in flight", "5/8 in flight, 3 backing off"
std::string load(const LiveView& view) {
  if (!view.asked) return {};
  std::string text =
      view.rate ? fmt::format("{}/s offered, {} in flight", format_figure(*view.rate), view.in_flight)
                : fmt::format("{}/{} in flight", view.in_flight, *view.asked);
  if (view.backing_off > 0) text += fmt::format(", {} backing off", view.backing_off);
  return text;
}

std::string percent(double progress) {
  return fmt::format("{:.0f}%", std::floor(std::clamp(progress, 0.0, 1.0) * 100));
}

}  // namespace

std::string format_time_left(Nanos duration) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(std::max(duration, Nanos(0))).count();
  if (seconds >= 3600) return fmt::format("{}h {:02}m", seconds / 3600, seconds % 3600 / 60);
  if (seconds >= 60) return fmt::format("{}m {:02}s", seconds / 60, seconds % 60);
  return fmt::format("{}s", seconds);
}

std::string render_frame(const LiveView& view, const FrameStyle& style) {
  Line where(style);
  where.add(place(view, style.utf8), Colour::kCyan);
  if (!view.phase.empty()) where.add("  ").add(name(view.phase, style.utf8));

  Line progress(style);
  std::string time;
  if (view.time_left) time = "  " + format_time_left(*view.time_left) + " left";
  if (view.progress) {
    time = fmt::format(" {:>4}{}", percent(*view.progress), time);
    const std::size_t taken = column_width(time) + 2;
    const std::size_t width = std::min(kWidestBar, progress.left() > taken ? progress.left() - taken : 0);
    if (width >= 5) {
      progress.add("[").add(bar(*view.progress, width, style.utf8), Colour::kGreen).add("]");
    }
    progress.add(time);
  } else {
    progress.add(format_time_left(view.elapsed) + " elapsed" + time);
  }

  Line rates(style);
  if (const std::string in_flight = load(view); !in_flight.empty()) {
    if (view.backing_off > 0) {
      rates.add(in_flight, Colour::kYellow);
    } else {
      rates.add(in_flight);
    }
    rates.add("  ").add(rate(view.tokens_per_second, "tok/s", style.utf8));
    rates.add("  ").add(rate(view.requests_per_second, "req/s", style.utf8)).add("  ");
  }
  if (const std::string failed = errors(view.outcomes); !failed.empty()) {
    rates.add(failed, Colour::kRed);
  } else {
    rates.add("no errors");
  }
  return where.str() + progress.str() + rates.str();
}

std::string render_line(const LiveView& view) {
  std::string line = fmt::format("[{}] {}", format_time_left(view.elapsed), place(view, true));
  if (!view.phase.empty()) line += "  " + printable(view.phase);
  if (const std::string in_flight = load(view); !in_flight.empty()) {
    line += "  " + in_flight;
    if (view.tokens_per_second) line += "  " + rate(view.tokens_per_second, "tok/s", true);
    if (view.requests_per_second) line += "  " + rate(view.requests_per_second, "req/s", true);
  }
  if (const std::string failed = errors(view.outcomes); !failed.empty()) line += "  " + failed;
  if (view.time_left) line += "  " + format_time_left(*view.time_left) + " left";
  return line;
}

}  // namespace kneepoint::coordinator
