#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/background_output.h"
#include "common/clock.h"
#include "common/second_stats.h"

namespace kneepoint::coordinator {

/// What `kneepoint run` shows of a run in progress.
struct LiveView {
  std::string plan;
  std::string scenario, target;    ///< Empty before the first step.
  std::size_t step = 0;            ///< From 1, within the scenario and target; 0 before the first.
  std::string of_steps;            ///< Behind its number: "/7", " of 15 to 30, then proof".
  std::string phase;               ///< "waiting for agents 1/2", "warm-up", "measuring", "draining", …
  Nanos elapsed{0};                ///< Since the run began; never goes back.
  std::optional<double> progress;  ///< Of the whole run, 0 to 1; absent where no end is known.
  std::optional<Nanos> time_left;
  std::optional<std::uint32_t> asked;  ///< Commanded concurrency.
  std::optional<double> rate;          ///< Commanded, of an open loop: requests a second.
  std::uint32_t in_flight = 0;
  std::uint32_t backing_off = 0;
  std::optional<double> tokens_per_second, requests_per_second;  ///< Over the last seconds (recent.h).
  std::array<std::uint64_t, kOutcomeCount> outcomes{};           ///< Of the run so far, by Outcome.
};

/// How a terminal can be written to.
struct FrameStyle {
  std::size_t width = 80;  ///< Columns.
  bool utf8 = true;        ///< Else ASCII only.
  bool colour = false;
};

/// The block that is redrawn in place: three lines, each ending in a newline and at most `width` − 1 columns
/// wide, so that none wraps. Pure.
std::string render_frame(const LiveView& view, const FrameStyle& style);

/// The same as one line without escape sequences or newline, for logs. Pure.
std::string render_line(const LiveView& view);

/// "1h 02m", "1m 12s", "8s"; rounded up to the second.
std::string format_time_left(Nanos duration);

enum class TerminalMode {
  kQuiet,   ///< Nothing at all.
  kLines,   ///< Whole lines, for pipes and logs.
  kRedraw,  ///< A block redrawn in place below the lines.
};

/// What the environment and the file descriptor allow.
struct TerminalTraits {
  TerminalMode mode = TerminalMode::kLines;
  bool utf8 = false;
  bool colour = false;
};
/// Reads TERM (dumb or unset: lines), NO_COLOR, and LC_ALL, LC_CTYPE, LANG. @param env as std::getenv.
TerminalTraits detect_terminal(bool is_tty, bool quiet, const std::function<const char*(const char*)>& env);
/// Columns of the terminal behind `fd`: COLUMNS where set, else what the kernel says, else 80.
std::size_t terminal_width(int fd);

/// The live view of a run. Permanent lines (finished rows, notices) scroll up as in any program's output; on
/// a terminal a small block below them is redrawn in place. It never hides the cursor, never changes modes
/// and uses no alternate screen, so whatever ends the process leaves the terminal as it was. Not thread-safe:
/// owned by the coordinator's main thread.
class Terminal {
 public:
  struct Options {
    TerminalTraits traits;
    std::function<std::size_t()> width = [] { return std::size_t{80}; };  ///< Asked before every redraw.
    std::function<void(std::string_view)> write;  ///< Takes all of it at once; called once per update.
    /// Whether what was written before has been taken: a frame waits for that, and the latest one wins.
    std::function<bool()> idle = [] { return true; };
  };

  explicit Terminal(Options options);
  /// As finish().
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// Shows the state of the run. Call it a few times a second; an unchanged frame is not written again.
  void update(const LiveView& view);
  /// Writes permanent lines (a table's head, a finished row, a notice) above the block, as they are. A
  /// newline is added where the last is missing.
  void print(std::string_view lines);
  /// Takes the block away and leaves the cursor at the start of the line below what was printed. Idempotent.
  void finish();

 private:
  void update_lines(const LiveView& view);
  void update_block(const LiveView& view);
  /// The sequence that moves the cursor to the block's first line and clears from there.
  std::string erase_block(std::size_t width) const;

  Options options_;
  std::string block_;            // as last drawn, with its newlines; empty: none
  std::size_t block_width_ = 0;  // the style it was drawn in
  std::string last_state_;       // kLines: what was last reported
  Nanos last_line_{0};
};

/// A Terminal on `fd`, which is written to by way of `output`, with the process's environment. `output` must
/// outlive it.
Terminal::Options terminal_options(int fd, bool quiet, BackgroundOutput& output);

}  // namespace kneepoint::coordinator
