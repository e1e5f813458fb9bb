#include "coordinator/live/terminal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "common/printable.h"
#include "coordinator/report/columns.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

LiveView mid_run() {
  LiveView view;
  view.plan = "sweep";
  view.scenario = "chat";
  view.target = "host";
  view.step = 3;
  view.of_steps = "/7";
  view.phase = "measuring";
  view.elapsed = 25s;
  view.progress = 0.36;
  view.time_left = 45s;
  view.asked = 4;
  view.in_flight = 4;
  view.tokens_per_second = 512.3;
  view.requests_per_second = 8.04;
  view.outcomes[0] = 180;
  return view;
}

TEST(RenderFrame, ShowsAStepInProgress) {
  EXPECT_EQ(render_frame(mid_run(), {.width = 80, .utf8 = true, .colour = false}),
            "chat on host  step 3/7  measuring\n"
            "[██████████████▍░░░░░░░░░░░░░░░░░░░░░░░░░]  36%  45s left\n"
            "4/4 in flight  512 tok/s  8.0 req/s  no errors\n");
}

TEST(RenderFrame, SaysWhatAnOpenLoopOffers) {
  LiveView view = mid_run();
  view.asked = 512;
  view.rate = 20;
  const std::string frame = render_frame(view, {.width = 80, .utf8 = true, .colour = false});
  EXPECT_THAT(frame, HasSubstr("20/s offered, 4 in flight  512 tok/s"));
  EXPECT_THAT(frame, Not(HasSubstr("512 in flight")));
}

TEST(RenderFrame, FallsBackToAscii) {
  LiveView view = mid_run();
  view.target = "hôst";
  view.tokens_per_second.reset();
  EXPECT_EQ(render_frame(view, {.width = 50, .utf8 = false, .colour = false}),
            "chat on h??st  step 3/7  measuring\n"
            "[###########.....................]  36%  45s left\n"
            "4/4 in flight  - tok/s  8.0 req/s  no errors\n");
}

TEST(RenderFrame, NamesErrorsByKindTheMostFrequentFirst) {
  LiveView view = mid_run();
  view.outcomes[static_cast<std::size_t>(Outcome::kTimeout)] = 1;
  view.outcomes[static_cast<std::size_t>(Outcome::kConnect)] = 12;
  view.outcomes[static_cast<std::size_t>(Outcome::kCancelled)] = 4;
  view.backing_off = 2;
  view.in_flight = 2;
  EXPECT_THAT(
      render_frame(view, {.width = 120, .utf8 = true, .colour = false}),
      HasSubstr("2/4 in flight, 2 backing off  512 tok/s  8.0 req/s  13 errors (connect 12, timeout 1)\n"));
}

TEST(RenderFrame, WaitsBeforeTheFirstStepWithoutInventingFigures) {
  LiveView view;
  view.plan = "sweep";
  view.phase = "waiting for agents 1/2";
  view.elapsed = 3s;
  EXPECT_EQ(render_frame(view, {.width = 80, .utf8 = true, .colour = false}),
            "sweep  waiting for agents 1/2\n"
            "3s elapsed\n"
            "no errors\n");
}

TEST(RenderFrame, ColoursOnlyWhereAsked) {
  LiveView view = mid_run();
  view.outcomes[static_cast<std::size_t>(Outcome::kStream)] = 1;
  EXPECT_THAT(render_frame(view, {.width = 80, .utf8 = true, .colour = false}), Not(HasSubstr("\x1b")));
  const std::string coloured = render_frame(view, {.width = 80, .utf8 = true, .colour = true});
  EXPECT_THAT(coloured, HasSubstr("\x1b[31m1 error (stream 1)\x1b[0m\n"));
}

TEST(RenderFrame, NeverReachesTheLastColumnAtAnyWidth) {
  LiveView view = mid_run();
  view.scenario = "対話 of a scenario with a long name";
  view.target = "host-🦙-with-a-long-name";
  view.outcomes[static_cast<std::size_t>(Outcome::kStream)] = 12345;
  for (const bool utf8 : {true, false}) {
    for (const bool colour : {true, false}) {
      for (std::size_t width = 1; width < 140; ++width) {
        std::istringstream lines(render_frame(view, {width, utf8, colour}));
        int count = 0;
        for (std::string line; std::getline(lines, line); ++count)
          EXPECT_LT(column_width(line), width) << line;
        EXPECT_EQ(count, 3);
      }
    }
  }
}

TEST(RenderFrame, DisarmsEscapeSequencesInNames) {
  LiveView view = mid_run();
  view.scenario = "a\x1b[2Jb\nc";
  EXPECT_THAT(render_frame(view, {.width = 80, .utf8 = true, .colour = false}),
              testing::StartsWith("a?[2Jb?c on host"));
  EXPECT_THAT(render_line(view), HasSubstr("a?[2Jb?c on host"));
}

TEST(RenderLine, SaysTheSameForLogs) {
  EXPECT_EQ(render_line(mid_run()),
            "[25s] chat on host  step 3/7  measuring  4/4 in flight  512 tok/s  8.0 req/s  45s left");
}

TEST(FormatTimeLeft, RoundsUp) {
  EXPECT_EQ(format_time_left(-1s), "0s");
  EXPECT_EQ(format_time_left(1ms), "1s");
  EXPECT_EQ(format_time_left(59s + 1ms), "1m 00s");
  EXPECT_EQ(format_time_left(72s), "1m 12s");
  EXPECT_EQ(format_time_left(1h + 2min), "1h 02m");
}

TEST(Columns, CountsWideCombiningAndMalformed) {
  EXPECT_EQ(column_width("abc"), 3u);
  EXPECT_EQ(column_width("é"), 1u);
  EXPECT_EQ(column_width("e\u0301"), 1u);
  EXPECT_EQ(column_width("対話"), 4u);
  EXPECT_EQ(column_width("e\u0301\u0302ल्ा"), 3u) << "a mark upon a mark, and those of other scripts";
  EXPECT_EQ(column_width("🚀✅⚡"), 6u);
  EXPECT_EQ(column_width("가ｱ，"), 5u);
  EXPECT_EQ(column_width("\xff\xc3"), 2u);
  EXPECT_EQ(column_width("\x1b[31mred\x1b[0m"), 3u);
  EXPECT_EQ(fit_columns("対話対話", 5, "…"), "対話…");
  EXPECT_EQ(fit_columns("abc", 3, "…"), "abc");
  EXPECT_EQ(fit_columns("abc", 0, "…"), "");
  EXPECT_EQ(printable("a\x07\xff\u0085z"), "a???z");
}

TEST(DetectTerminal, FollowsTheEnvironment) {
  const auto detect = [](bool tty, bool quiet, std::map<std::string, std::string> env) {
    return detect_terminal(tty, quiet, [&](const char* name) -> const char* {
      const auto at = env.find(name);
      return at == env.end() ? nullptr : at->second.c_str();
    });
  };
  TerminalTraits traits = detect(true, false, {{"TERM", "xterm"}, {"LANG", "de_DE.UTF-8"}});
  EXPECT_EQ(traits.mode, TerminalMode::kRedraw);
  EXPECT_TRUE(traits.utf8);
  EXPECT_TRUE(traits.colour);
  traits =
      detect(true, false, {{"TERM", "xterm"}, {"LANG", "de_DE.UTF-8"}, {"LC_ALL", "C"}, {"NO_COLOR", "1"}});
  EXPECT_EQ(traits.mode, TerminalMode::kRedraw);
  EXPECT_FALSE(traits.utf8);
  EXPECT_FALSE(traits.colour);
  EXPECT_EQ(detect(true, false, {{"TERM", "dumb"}}).mode, TerminalMode::kLines);
  EXPECT_EQ(detect(true, false, {}).mode, TerminalMode::kLines);
  EXPECT_EQ(detect(false, false, {{"TERM", "xterm"}}).mode, TerminalMode::kLines);
  EXPECT_FALSE(detect(false, false, {{"TERM", "xterm"}}).colour);
  EXPECT_EQ(detect(true, true, {{"TERM", "xterm"}}).mode, TerminalMode::kQuiet);
}

/// A terminal's screen, as far as the live view uses one: text, newlines, CR, cursor up, clear to the end.
class Screen {
 public:
  explicit Screen(std::size_t width) : width_(width) {}
  void write(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\r') {
        column_ = 0;
      } else if (text[i] == '\n') {
        ++row_;
        column_ = 0;
      } else if (text[i] == '\x1b') {
        ASSERT_EQ(text[i + 1], '[');
        const std::size_t end = text.find_first_not_of("0123456789", i + 2);
        const std::string number(text.substr(i + 2, end - i - 2));
        if (text[end] == 'A') {
          ASSERT_GE(row_, std::stoul(number)) << "moved above the screen";
          row_ -= std::stoul(number);
        } else if (text[end] == 'J') {
          rows_.resize(row_);
        } else {
          FAIL() << "unexpected sequence " << text.substr(i + 1, end - i);
        }
        i = end;
      } else {
        if (column_ == width_) {
          ++row_;
          column_ = 0;
        }
        if (rows_.size() <= row_) rows_.resize(row_ + 1);
        rows_[row_].resize(std::max(rows_[row_].size(), column_ + 1), ' ');
        rows_[row_][column_++] = text[i];
      }
    }
  }
  /// The lines above the cursor.
  std::vector<std::string> rows() const {
    std::vector<std::string> rows = rows_;
    rows.resize(row_);
    return rows;
  }
  std::size_t column() const { return column_; }

 private:
  std::size_t width_;
  std::vector<std::string> rows_;
  std::size_t row_ = 0, column_ = 0;
};

struct Watched {
  explicit Watched(TerminalMode mode, std::size_t width = 60) : screen(width) {
    Terminal::Options options;
    options.traits.mode = mode;
    options.width = [width] { return width; };
    options.write = [this](std::string_view text) {
      ++writes;
      raw += text;
      screen.write(text);
    };
    terminal = std::make_unique<Terminal>(std::move(options));
  }
  Screen screen;
  int writes = 0;
  std::string raw;
  std::unique_ptr<Terminal> terminal;
};

TEST(Terminal, RedrawsBelowAGrowingTableAndCleansUp) {
  Watched watched(TerminalMode::kRedraw);
  LiveView view = mid_run();
  watched.terminal->print("N   req/s");
  watched.terminal->update(view);
  watched.terminal->print("1   2.0\n");
  view.in_flight = 3;
  watched.terminal->update(view);
  watched.terminal->print("2   4.0\n");
  const std::vector<std::string> rows = watched.screen.rows();
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_EQ(rows[0], "N   req/s");
  EXPECT_EQ(rows[1], "1   2.0");
  EXPECT_EQ(rows[2], "2   4.0");
  EXPECT_EQ(rows[3], "chat on host  step 3/7  measuring");
  EXPECT_THAT(rows[5], HasSubstr("3/4 in flight"));
  watched.terminal.reset();
  EXPECT_EQ(watched.screen.rows(), (std::vector<std::string>{"N   req/s", "1   2.0", "2   4.0"}));
  EXPECT_EQ(watched.screen.column(), 0u);
}

TEST(Terminal, WritesAnUnchangedFrameOnce) {
  Watched watched(TerminalMode::kRedraw);
  watched.terminal->update(mid_run());
  watched.terminal->update(mid_run());
  EXPECT_EQ(watched.writes, 1);
}

TEST(Terminal, NeitherHidesTheCursorNorChangesModes) {
  Watched watched(TerminalMode::kRedraw);
  watched.terminal->update(mid_run());
  watched.terminal->print("row");
  watched.terminal->finish();
  EXPECT_THAT(watched.raw, Not(HasSubstr("\x1b[?")));
}

TEST(Terminal, ClearsWhatANarrowerTerminalHasWrapped) {
  std::size_t width = 60;
  std::string last;
  Terminal::Options options;
  options.traits.mode = TerminalMode::kRedraw;
  options.width = [&] { return width; };
  options.write = [&](std::string_view text) { last = text; };
  Terminal terminal(std::move(options));
  terminal.update(mid_run());
  width = 20;  // 33, 57 and 46 columns take 2, 3 and 3 rows
  terminal.update(mid_run());
  EXPECT_TRUE(last.starts_with("\r\x1b[8A\x1b[J")) << testing::PrintToString(last.substr(0, 10));
}

TEST(Terminal, LinesComeOnAChangeAndAtAModestRate) {
  Watched watched(TerminalMode::kLines);
  LiveView view = mid_run();
  for (int i = 0; i < 100; ++i) {  // 25 s at 4 Hz
    watched.terminal->update(view);
    view.elapsed += 250ms;
  }
  EXPECT_EQ(watched.writes, 3);
  view.phase = "warm-up";
  view.step = 4;
  watched.terminal->update(view);
  EXPECT_EQ(watched.writes, 4);
  watched.terminal->print("4   7.9");
  watched.terminal->finish();
  EXPECT_THAT(watched.raw, testing::EndsWith("left\n4   7.9\n"));
  EXPECT_THAT(watched.raw, Not(HasSubstr("\x1b")));
}

TEST(Terminal, QuietSaysNothing) {
  Watched watched(TerminalMode::kQuiet);
  watched.terminal->update(mid_run());
  watched.terminal->print("row");
  watched.terminal->finish();
  EXPECT_EQ(watched.writes, 0);
}

}  // namespace
}  // namespace kneepoint::coordinator
