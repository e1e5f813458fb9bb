#include "common/dialects/event_framing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kneepoint {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Feeds `pieces`, each from a buffer of its own that is overwritten afterwards: a view that outlives its
/// piece shows.
template <class Parser>
std::vector<std::string> events_of(const std::vector<std::string>& pieces, EventStatus* last = nullptr) {
  Parser parser;
  std::vector<std::string> events;
  EventStatus status = EventStatus::kNeedMore;
  for (const std::string& piece : pieces) {
    std::string buffer = piece + std::string(kPadding, '!');
    std::string_view input(buffer.data(), piece.size());
    while ((status = parser.next(input)) == EventStatus::kEvent) {
      std::string event(parser.data());
      if constexpr (requires { parser.type(); }) {
        if (!parser.type().empty()) event = std::string(parser.type()) + "|" + event;
      }
      events.push_back(event);
    }
    buffer.assign(buffer.size(), '#');
    if (status == EventStatus::kTooLong) break;
  }
  if (status == EventStatus::kNeedMore) {
    while (parser.finish() == EventStatus::kEvent) events.emplace_back(parser.data());
  }
  if (last != nullptr) *last = status;
  return events;
}

template <class Parser>
void expect_at_every_split(const std::string& stream, const std::vector<std::string>& golden) {
  EXPECT_EQ(events_of<Parser>({stream}), golden);
  std::vector<std::string> bytes;
  for (const char c : stream) bytes.emplace_back(1, c);
  EXPECT_EQ(events_of<Parser>(bytes), golden) << "byte by byte";
  for (std::size_t i = 0; i <= stream.size(); ++i) {
    for (std::size_t j = i; j <= std::min(stream.size(), i + 12); ++j) {
      EXPECT_EQ(events_of<Parser>({stream.substr(0, i), stream.substr(i, j - i), stream.substr(j)}), golden)
          << "split at " << i << " and " << j;
    }
  }
}

TEST(SseParser, LineEndsOfEveryKind) {
  expect_at_every_split<SseParser>("data: a\n\ndata: b\r\n\r\ndata: c\r\rdata:d\n\n", {"a", "b", "c", "d"});
  expect_at_every_split<SseParser>("data: a\r\n\ndata: b\n\r\ndata: c\r\n\r\n", {"a", "b", "c"});
}

TEST(SseParser, CommentsFieldsAndTypes) {
  expect_at_every_split<SseParser>(
      "\xEF\xBB\xBF: hello\nid: 7\nretry: 10\nevent: error\ndata: x\n\n:keep-alive\n\nevent: lost\n\ndata: "
      "y\n\n",
      {"error|x", "y"});
}

TEST(SseParser, DataOverSeveralLines) {
  expect_at_every_split<SseParser>("data: {\"a\":\ndata: 1}\n\ndata\n\ndata: \ndata:\n\n",
                                   {"{\"a\":\n1}", "", "\n"});
}

TEST(SseParser, OnlyOneLeadingSpaceIsDropped) {
  expect_at_every_split<SseParser>("data:  two\n\ndatax: no\n\ndata: a:b\n\n", {" two", "a:b"});
}

TEST(SseParser, AStreamThatEndsBeforeItsBlankLineStillHasItsLastLine) {
  EXPECT_THAT(events_of<SseParser>({"data: a\n\ndata: [DONE]\n"}), ElementsAre("a", "[DONE]"));
  EXPECT_THAT(events_of<SseParser>({"data: a\n\ndata: [DO", "NE]"}), ElementsAre("a", "[DONE]"));
  EXPECT_THAT(events_of<SseParser>({"data: a\ndata: b"}), ElementsAre("a\nb"));
  EXPECT_THAT(events_of<SseParser>({"data: a\n\n: bye"}), ElementsAre("a"));
}

TEST(SseParser, LinesThatAreNoFieldsButSayThatSomethingFailed) {
  expect_at_every_split<SseParser>("error: {\"code\":400}\n\ndata: a\n\n", {"error|{\"code\":400}", "a"});
  expect_at_every_split<SseParser>("event: error\n\ndata: a\n\n", {"error|", "a"});
  expect_at_every_split<SseParser>("{\"error\":1}\ndata: a\n\n", {"{\"error\":1}", "a"});
  expect_at_every_split<SseParser>("error\nerror:\n{\n\ndata: a\n{\"b\":1}\n\n", {"{", "a"});
}

TEST(SseParser, AnEventInOnePieceIsNotCopied) {
  SseParser parser;
  const std::string stream = "data: here\n\n";
  std::string_view input = stream;
  ASSERT_EQ(parser.next(input), EventStatus::kEvent);
  EXPECT_EQ(parser.data().data(), stream.data() + 6);
}

TEST(SseParser, GiantEventsAreRefused) {
  EventStatus last;
  const std::string big(kEventLimit / 2, 'x');
  EXPECT_THAT(events_of<SseParser>({"data: ", big, big, "\n\n"}, &last), IsEmpty());
  EXPECT_EQ(last, EventStatus::kTooLong);
  events_of<SseParser>({"data: " + big + "\n", "data: " + big + "\n", "\n"}, &last);
  EXPECT_EQ(last, EventStatus::kTooLong);
  EXPECT_EQ(events_of<SseParser>({"data: ", big, "\n\n"}, &last).size(), 1u);
}

TEST(LineParser, LinesByLfCrlfAndNul) {
  expect_at_every_split<LineParser>(std::string("{\"a\":1}\n\n{\"b\":2}\r\n{\"c\":3}\0{\"d\":4}\0", 34),
                                    {"{\"a\":1}", "{\"b\":2}", "{\"c\":3}", "{\"d\":4}"});
}

TEST(LineParser, TheLastLineNeedsNoEnd) {
  expect_at_every_split<LineParser>("one\ntwo", {"one", "two"});
}

TEST(LineParser, GiantLinesAreRefused) {
  EventStatus last;
  events_of<LineParser>({std::string(kEventLimit, 'x'), "x\n"}, &last);
  EXPECT_EQ(last, EventStatus::kTooLong);
}

/// What a parser holds after each piece, which readers have bounded together.
template <class Parser>
std::vector<std::size_t> held_after(std::vector<std::string> pieces) {
  Parser parser;
  std::vector<std::size_t> held;
  for (std::string& piece : pieces) {
    piece.reserve(piece.size() + kPadding);
    std::string_view input = piece;
    while (parser.next(input) == EventStatus::kEvent) {
    }
    held.push_back(parser.held());
  }
  return held;
}

TEST(SseParser, HoldsWhatIsNotWholeYetAndNoMore) {
  EXPECT_THAT(held_after<SseParser>({"data: a\n\n", "data: 12", "34", "\n\n", "data: b\n\n"}),
              testing::ElementsAre(0, 8, 10, 0, 0));
  EXPECT_THAT(held_after<LineParser>({"one\n", "tw", "o", "\nthree\n"}), testing::ElementsAre(0, 2, 3, 0));
}

}  // namespace
}  // namespace kneepoint
