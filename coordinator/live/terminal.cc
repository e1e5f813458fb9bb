#include "coordinator/live/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "common/printable.h"
#include "coordinator/report/columns.h"

namespace kneepoint::coordinator {
namespace {

/// In kLines: the time between lines while scenario, target, step and phase stay the same.
constexpr Nanos kLineInterval = std::chrono::seconds(10);

}  // namespace

TerminalTraits detect_terminal(bool is_tty, bool quiet, const std::function<const char*(const char*)>& env) {
  const auto value = [&](const char* name) {
    const char* text = env(name);
    return std::string_view(text == nullptr ? "" : text);
  };
  TerminalTraits traits;
  std::string_view locale = value("LC_ALL");
  if (locale.empty()) locale = value("LC_CTYPE");
  if (locale.empty()) locale = value("LANG");
  std::string lower(locale);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  traits.utf8 = lower.find("utf-8") != std::string::npos || lower.find("utf8") != std::string::npos;

  const std::string_view term = value("TERM");
  const bool capable = is_tty && !term.empty() && term != "dumb";
  traits.mode = quiet ? TerminalMode::kQuiet : capable ? TerminalMode::kRedraw : TerminalMode::kLines;
  traits.colour = capable && value("NO_COLOR").empty();
  return traits;
}

std::size_t terminal_width(int fd) {
  if (const char* columns = std::getenv("COLUMNS")) {
    const int width = std::atoi(columns);
    if (width > 0) return static_cast<std::size_t>(width);
  }
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

Terminal::Options terminal_options(int fd, bool quiet, BackgroundOutput& output) {
  Terminal::Options options;
  options.traits =
      detect_terminal(isatty(fd) == 1, quiet, [](const char* name) { return std::getenv(name); });
  options.width = [fd] { return terminal_width(fd); };
  options.write = [&output](std::string_view text) { output.write(std::string(text)); };
  options.idle = [&output] { return output.idle(); };
  return options;
}

Terminal::Terminal(Options options) : options_(std::move(options)) {}
Terminal::~Terminal() {
  finish();
}

void Terminal::update(const LiveView& view) {
  if (!options_.idle()) return;
  switch (options_.traits.mode) {
    case TerminalMode::kQuiet:
      return;
    case TerminalMode::kLines:
      return update_lines(view);
    case TerminalMode::kRedraw:
      return update_block(view);
  }
}

void Terminal::update_lines(const LiveView& view) {
  std::string state = fmt::format("{}\n{}\n{}\n{}", view.scenario, view.target, view.step, view.phase);
  if (state == last_state_ && view.elapsed - last_line_ < kLineInterval) return;
  last_state_ = std::move(state);
  last_line_ = view.elapsed;
  options_.write(render_line(view) + "\n");
}

void Terminal::update_block(const LiveView& view) {
  FrameStyle style;
  style.width = options_.width();
  style.utf8 = options_.traits.utf8;
  style.colour = options_.traits.colour;
  std::string block = render_frame(view, style);
  if (block == block_ && style.width == block_width_) return;
  options_.write(erase_block(style.width) + block);
  block_ = std::move(block);
  block_width_ = style.width;
}

void Terminal::print(std::string_view lines) {
  if (options_.traits.mode == TerminalMode::kQuiet || lines.empty()) return;
  std::string text = printable_lines(lines);  // it quotes hosts and agents
  if (text.back() != '\n') text += '\n';
  if (block_.empty()) {
    options_.write(text);
  } else {
    options_.write(erase_block(options_.width()) + text + block_);
  }
}

void Terminal::finish() {
  if (block_.empty()) return;
  options_.write(erase_block(options_.width()));
  block_.clear();
}

std::string Terminal::erase_block(std::size_t width) const {
  if (block_.empty()) return {};
  // A terminal that has become narrower has wrapped the lines drawn before.
  std::size_t rows = 0;
  for (std::size_t begin = 0; begin < block_.size();) {
    const std::size_t end = block_.find('\n', begin);
    const std::size_t columns = column_width(std::string_view(block_).substr(begin, end - begin));
    rows += columns == 0 || width == 0 ? 1 : (columns + width - 1) / width;
    begin = end + 1;
  }
  return fmt::format("\r\x1b[{}A\x1b[J", rows);
}

}  // namespace kneepoint::coordinator
