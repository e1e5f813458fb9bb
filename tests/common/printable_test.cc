#include "common/printable.h"

#include <gtest/gtest.h>

namespace kneepoint {
namespace {

TEST(Printable, WhatShowsOnlyItselfStays) {
  for (const char* text : {"", "plain", "größer als 5 µs", "模型", "🙂 ok", "a\u0301", "\uFFFD"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, NothingCommandsATerminal) {
  EXPECT_EQ(printable("a\x1b[31mb"), "a?[31mb");
  EXPECT_EQ(printable("a\u009b31mb"), "a?31mb") << "the one-character form of ESC [";
  EXPECT_EQ(printable("\x1b]0;title\x07"), "?]0;title?");
  EXPECT_EQ(printable("one\r\ntwo\x7f"), "one??two?");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a?b");
}

TEST(Printable, NothingTurnsOrHidesText) {
  EXPECT_EQ(printable("gpu\u202etxt.exe"), "gpu?txt.exe");
  EXPECT_EQ(printable("\u2066x\u2069\u200f\u061c"), "?x???");
  EXPECT_EQ(printable("a\u2028b\u2029c"), "a?b?c");
  EXPECT_EQ(printable("\U000e0041x\ufff9"), "?x?");
}

TEST(Printable, WhatIsNoUtf8IsNotPassedOn) {
  EXPECT_EQ(printable("\xff\xfe"), "??");
  EXPECT_EQ(printable("\xc0\x9b"), "??") << "a longer form of a control";
  EXPECT_EQ(printable("\xe0\x82\x9b"), "???");
  EXPECT_EQ(printable("\xf0\x80\x80\x9b"), "????");
  EXPECT_EQ(printable("\xed\xa0\x80"), "???") << "half of a pair";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "????");
  EXPECT_EQ(printable("cut \xe6\xa8"), "cut ??");
}

TEST(Printable, LinesMayStayLines) {
  EXPECT_EQ(printable_lines("a\n\tb\r\x1b[1m"), "a\n\tb??[1m");
}

TEST(Printable, AStartIsCutBetweenCharacters) {
  EXPECT_EQ(printable_start("short", 10), "short");
  EXPECT_EQ(printable_start("0123456789", 4), "0123…");
  EXPECT_EQ(printable_start("aé", 2), "a…");
  EXPECT_EQ(printable_start("\x1b"
                            "bc",
                            2),
            "?b…");
}

}  // namespace
}  // namespace kneepoint
