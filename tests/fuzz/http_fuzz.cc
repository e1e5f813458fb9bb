// Any bytes as a response: however the network cuts them, our parser gives one answer, and it is the one that
// Boost.Beast's gives, but for what is named below.

#include <algorithm>
#include <boost/beast/http.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "agent/http/http_response.h"

namespace {

namespace http = boost::beast::http;
using kneepoint::agent::HttpResponse;

/// What a connection's bytes came to as one response.
struct Answer {
  bool complete = false;
  int status = 0;
  std::string body;
  std::size_t used = 0;  ///< Bytes up to the response's end.
  bool keep_alive = false;
  bool operator==(const Answer&) const = default;
};

struct Ours {
  Answer answer;
  std::string error;
};

/// However the bytes were cut. A header line that is wrong and is also the last that came is known to be
/// wrong only where the next one begins, since it may go on there: both are errors, and which is told may
/// differ.
bool same(const Ours& a, const Ours& b) {
  constexpr std::string_view kEnded = "the connection ended inside a response";
  return a.answer == b.answer && (a.error == b.error || a.error == kEnded || b.error == kEnded);
}

/// @param step how the bytes are cut: the lengths go 1, 1 + step, 1 + 2 step, … modulo 97; 0: not at all.
Ours read_ours(std::string_view text, std::size_t step) {
  HttpResponse response;
  Ours ours;
  std::size_t length = 1;
  bool ended = false;
  for (std::size_t at = 0; at < text.size() && !ended;) {
    const std::string piece(text.substr(at, step == 0 ? text.size() : length));
    length = (length + step) % 97 + 1;
    std::string_view input = piece;
    HttpResponse::Event event;
    while ((event = response.next(input)) != HttpResponse::Event::kNeedMore) {
      if (event == HttpResponse::Event::kBody) {
        if (response.body().empty()) std::abort();
        ours.answer.body += response.body();
      }
      ended = event == HttpResponse::Event::kEnd || event == HttpResponse::Event::kError;
      if (ended) break;
    }
    if (!ended && !input.empty()) std::abort();
    at += piece.size() - input.size();
    ours.answer.used = at;
  }
  const auto last = response.finish();
  ours.answer.complete = last == HttpResponse::Event::kEnd;
  if (!ours.answer.complete) {
    // How far a wrong response was read is nobody's business; that it is wrong, and why, is.
    ours.error = response.error();
    ours.answer = {};
    return ours;
  }
  ours.answer.status = response.status();
  ours.answer.keep_alive = response.keep_alive();
  return ours;
}

/// Beast's answer; absent where it sees an error.
std::optional<Answer> read_beast(std::string_view text) {
  Answer answer;
  while (true) {
    http::response_parser<http::string_body> parser;
    parser.eager(true);
    parser.header_limit(64 * 1024);
    parser.body_limit(1 << 20);  // it makes room for a whole Content-Length at once
    boost::system::error_code error;
    while (!parser.is_done() && answer.used < text.size()) {
      const std::size_t got =
          parser.put(boost::asio::buffer(text.data() + answer.used, text.size() - answer.used), error);
      answer.used += got;
      if (error == http::error::need_more) break;
      if (error) return std::nullopt;
      if (got == 0) break;
    }
    if (!parser.got_some()) return std::nullopt;
    if (!parser.is_done()) {
      error = {};
      parser.put_eof(error);
      if (error || !parser.is_done()) return std::nullopt;
    }
    const int status = static_cast<int>(parser.get().result_int());
    if (status < 200 && status != 101) continue;  // interim: the real response follows
    answer.complete = true;
    answer.status = status;
    answer.body = parser.get().body();
    answer.keep_alive = parser.keep_alive();
    return answer;
  }
}

bool contains(std::string_view text, std::string_view lower) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b; };
  return std::search(text.begin(), text.end(), lower.begin(), lower.end(), same) != text.end();
}

/// Where ours says no and Beast yes, on purpose.
bool refused_on_purpose(std::string_view text, const Ours& ours) {
  if (ours.error == "an unasked protocol switch") return true;
  // None was asked for; Beast hands such bodies on as they are.
  if (contains(text, "content-encoding")) return true;
  // Beast takes a coding that it does not know for none.
  if (contains(text, "transfer-encoding")) return true;
  // Header lines that go on in the next one are deprecated (RFC 9112, 5.2), and read with more care than
  // there.
  if (contains(text, "\n ") || contains(text, "\n\t")) return true;
  // Counted differently: with line ends there, without them here, and over interim responses.
  if (ours.error == "a header section over 64 KiB") return true;
  // Beast takes a status below 100 and 1xx with a body of its own.
  return ours.error == "not an HTTP/1.x status line";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Ours ours = read_ours(text, 0);
  if (!same(read_ours(text, data[0] % 64 + 1), ours) || !same(read_ours(text, 97), ours)) std::abort();
  const auto beast = read_beast(text);
  // Where Beast says no, ours may be more patient: bare LF line ends, odd header names, spaces in chunk
  // sizes.
  if (!beast) return 0;
  if (!ours.answer.complete) {
    if (refused_on_purpose(text, ours)) return 0;
    std::fprintf(stderr, "ours refuses: %s\n", ours.error.c_str());
    std::abort();
  }
  if (contains(text, "transfer-encoding") || contains(text, "connection"))
    return 0;  // lists are read differently
  if (ours.answer.status != beast->status || ours.answer.body != beast->body) {
    std::fprintf(stderr, "ours %d \"%s\" Beast %d \"%s\"\n", ours.answer.status, ours.answer.body.c_str(),
                 beast->status, beast->body.c_str());
    std::abort();
  }
  return 0;
}
