#include "agent/http/http_response.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kneepoint::agent {
namespace {

using Event = HttpResponse::Event;

/// What a response came to: "200 keep|body|end", with the bytes that were left over.
struct Reading {
  int status = 0;
  std::string body;
  bool keep_alive = false;
  Event last = Event::kNeedMore;
  std::string left;
  bool operator==(const Reading&) const = default;
};

void PrintTo(const Reading& r, std::ostream* out) {
  *out << r.status << " \"" << r.body << "\" keep_alive=" << r.keep_alive
       << " last=" << static_cast<int>(r.last) << " left=\"" << r.left << '"';
}

Reading read(const std::vector<std::string>& pieces, bool closes = false) {
  HttpResponse response;
  Reading reading;
  for (std::string piece : pieces) {
    std::string_view input = piece;
    Event event = Event::kNeedMore;
    while (reading.last != Event::kEnd && reading.last != Event::kError &&
           (event = response.next(input)) != Event::kNeedMore) {
      if (event == Event::kBody) reading.body += response.body();
      if (event == Event::kEnd || event == Event::kError) reading.last = event;
    }
    reading.left += input;
    piece.assign(piece.size(), '#');
  }
  if (closes && reading.last == Event::kNeedMore) reading.last = response.finish();
  reading.status = response.status();
  reading.keep_alive = response.keep_alive();
  return reading;
}

void expect_reading_at_every_split(const std::string& text, const Reading& golden, bool closes = false) {
  EXPECT_EQ(read({text}, closes), golden);
  std::vector<std::string> bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  EXPECT_EQ(read(bytes, closes), golden) << "byte by byte";
  for (std::size_t i = 0; i <= text.size(); ++i) {
    EXPECT_EQ(read({text.substr(0, i), text.substr(i)}, closes), golden) << "split at " << i;
  }
}

TEST(HttpResponse, ContentLength) {
  expect_reading_at_every_split("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello",
                                {.status = 200, .body = "hello", .keep_alive = true, .last = Event::kEnd});
  expect_reading_at_every_split("HTTP/1.1 429 Too Many\r\ncontent-length:0\r\nConnection: Close\r\n\r\n",
                                {.status = 429, .keep_alive = false, .last = Event::kEnd});
}

TEST(HttpResponse, ChunkedWithExtensionsAndTrailers) {
  expect_reading_at_every_split(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "5;name=\"v\"\r\nhello\r\nC ; x\r\n, my friends\r\n0\r\nTrailer: t\r\nOther: u\r\n\r\n",
      {.status = 200, .body = "hello, my friends", .keep_alive = true, .last = Event::kEnd});
}

TEST(HttpResponse, UntilTheConnectionCloses) {
  expect_reading_at_every_split("HTTP/1.0 200 OK\r\n\r\nall of it",
                                {.status = 200, .body = "all of it", .last = Event::kEnd}, true);
  expect_reading_at_every_split("HTTP/1.1 200 OK\r\nContent-Type: x\r\n\r\nall of it",
                                {.status = 200, .body = "all of it", .last = Event::kNeedMore}, false);
}

TEST(HttpResponse, Http10KeepsAliveOnlyWhenAsked) {
  EXPECT_FALSE(read({"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx"}).keep_alive);
  EXPECT_TRUE(read({"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx"}).keep_alive);
}

TEST(HttpResponse, InterimResponsesAreSkipped) {
  expect_reading_at_every_split(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
      {.status = 200, .body = "ok", .keep_alive = true, .last = Event::kEnd});
}

TEST(HttpResponse, HeadersThatGoOnInTheNextLine) {
  const Reading hello = {.status = 200, .body = "hello", .keep_alive = true, .last = Event::kEnd};
  expect_reading_at_every_split("HTTP/1.1 200 OK\r\nX: a,\r\n b\r\n\tc\r\nContent-Length: 5\r\n\r\nhello",
                                hello);
  expect_reading_at_every_split("HTTP/1.1 200 OK\r\nContent-Length:\r\n 5\r\n\r\nhello", hello);
  expect_reading_at_every_split("HTTP/1.1 200 OK\nTransfer-Encoding:\n\tchunked\n\n5\nhello\n0\n\n", hello);
  expect_reading_at_every_split(
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive,\r\n close\r\n\r\nhello",
      {.status = 200, .body = "hello", .keep_alive = false, .last = Event::kEnd});
  expect_reading_at_every_split("HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello", hello);
}

TEST(HttpResponse, AFoldBeforeAnyHeaderIsAnError) {
  EXPECT_EQ(read({"HTTP/1.1 200 OK\r\n folded: no\r\n\r\n"}).last, Event::kError);
  EXPECT_EQ(read({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n 5\r\n\r\nhello"}).last, Event::kError);
}

TEST(HttpResponse, NoBodyAfter204) {
  expect_reading_at_every_split("HTTP/1.1 204 No Content\r\n\r\n",
                                {.status = 204, .keep_alive = true, .last = Event::kEnd});
}

TEST(HttpResponse, BareLineFeeds) {
  expect_reading_at_every_split("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n",
                                {.status = 200, .body = "ok", .keep_alive = true, .last = Event::kEnd});
}

TEST(HttpResponse, BytesAfterTheEndAreLeft) {
  EXPECT_EQ(read({"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP"}).left, "HTTP");
}

TEST(HttpResponse, EarlyEndIsAnError) {
  for (const char* text :
       {"", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"}) {
    EXPECT_EQ(read({text}, true).last, Event::kError) << text;
  }
}

TEST(HttpResponse, MalformedResponsesAreErrors) {
  for (const char* text : {
           "HTTP/2 200 OK\r\n",
           "SSH-2.0-OpenSSH\r\n",
           "HTTP/1.1 2x0 OK\r\n",
           "HTTP/1.1 99 Low\r\n",
           "HTTP/1.1 2000 OK\r\n",
           "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
           "HTTP/1.1 101 Switching\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n",
       }) {
    EXPECT_EQ(read({text}).last, Event::kError) << text;
  }
}

TEST(HttpResponse, AnEndlessHeaderSectionIsAnError) {
  const std::string header = "X-Filler: " + std::string(1000, 'x') + "\r\n";
  std::vector<std::string> pieces = {"HTTP/1.1 200 OK\r\n"};
  for (int i = 0; i < 70; ++i) pieces.push_back(header);
  EXPECT_EQ(read(pieces).last, Event::kError);
  EXPECT_EQ(read({"HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x')}).last, Event::kError);
}

TEST(HttpResponse, ServesTheNextResponseAfterReset) {
  HttpResponse response;
  for (int i = 0; i < 2; ++i) {
    std::string_view input = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    EXPECT_FALSE(response.begun());
    EXPECT_EQ(response.next(input), Event::kHeaders);
    EXPECT_EQ(response.next(input), Event::kBody);
    EXPECT_EQ(response.next(input), Event::kEnd);
    EXPECT_TRUE(response.begun());
    response.reset();
  }
}

TEST(HttpResponse, AnInterimResponseDoesNotAnswerForTheWatchedHeader) {
  HttpResponse response;
  response.watch(HttpResponse::kReplica, "x-replica");
  std::string_view input =
      "HTTP/1.1 103 Early Hints\r\nX-Replica: proxy\r\n\r\n"
      "HTTP/1.1 200 OK\r\nX-Replica: pod-7\r\nContent-Length: 0\r\n\r\n"
      "HTTP/1.1 103 Early Hints\r\nX-Replica: proxy\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(response.next(input), Event::kHeaders);
  EXPECT_EQ(response.watched(HttpResponse::kReplica), "pod-7") << "still watched";
  EXPECT_EQ(response.next(input), Event::kEnd);
  response.reset();
  EXPECT_EQ(response.next(input), Event::kHeaders);
  EXPECT_EQ(response.watched(HttpResponse::kReplica), "") << "what was interim is forgotten";
}

TEST(HttpResponse, KeepsTheWatchedHeader) {
  HttpResponse response;
  response.watch(HttpResponse::kReplica, "x-replica");
  std::string first = "HTTP/1.1 200 OK\r\nX-Repl";
  std::string second = "ica:  pod-7 \r\nContent-Length: 0\r\n\r\n";
  std::string_view input = first;
  EXPECT_EQ(response.next(input), Event::kNeedMore);
  EXPECT_EQ(response.watched(HttpResponse::kReplica), "");
  input = second;
  EXPECT_EQ(response.next(input), Event::kHeaders);
  EXPECT_EQ(response.watched(HttpResponse::kReplica), "pod-7");
  response.reset();
  EXPECT_EQ(response.watched(HttpResponse::kReplica), "");
  std::string other = "HTTP/1.1 200 OK\r\nx-replica: pod-8\r\nContent-Length: 0\r\n\r\n";
  input = other;
  response.next(input);
  EXPECT_EQ(response.watched(HttpResponse::kReplica), "pod-8") << "still watched";
}

}  // namespace
}  // namespace kneepoint::agent
