#include "agent/http/http_response.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace kneepoint::agent {
namespace {

constexpr std::uint32_t kHeadLimit = 64 * 1024;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool same_token(std::string_view a, std::string_view lower_case) {
  return a.size() == lower_case.size() &&
         std::equal(a.begin(), a.end(), lower_case.begin(), [](char x, char y) { return lower(x) == y; });
}

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Calls `visit` with each element of a comma-separated header value.
template <class Visit>
void each_element(std::string_view value, Visit visit) {
  while (true) {
    const auto comma = value.find(',');
    visit(trim(value.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    value.remove_prefix(comma + 1);
  }
}

}  // namespace

void HttpResponse::reset() {
  const auto watched = watched_names_;
  *this = HttpResponse();
  watched_names_ = watched;
}

HttpResponse::Event HttpResponse::fail(std::string_view why) {
  state_ = State::kFailed;
  keep_alive_ = false;
  error_ = why;
  return Event::kError;
}

/// Takes one line without its end. @return false when the input holds no line end; it is then kept.
bool HttpResponse::take_line(std::string_view& input, std::string_view& line) {
  const auto end = input.find('\n');
  head_bytes_ += static_cast<std::uint32_t>(std::min(end, input.size()));
  if (end == std::string_view::npos) {
    line_.append(input);
    input = {};
    return false;
  }
  if (line_.empty()) {
    line = input.substr(0, end);
  } else {
    line_.append(input.substr(0, end));
    line = line_;
  }
  input.remove_prefix(end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return true;
}

bool HttpResponse::parse_status_line(std::string_view line) {
  if (line.size() < 12 || !line.starts_with("HTTP/1.") || line[8] != ' ') return false;
  keep_alive_ = line[7] != '0';
  const auto [end, error] = std::from_chars(line.data() + 9, line.data() + 12, status_);
  return error == std::errc() && end == line.data() + 12 && status_ >= 100 &&
         (line.size() == 12 || line[12] == ' ');
}

/// A line of the header section, or its empty end, which `rest` of the input follows. A header is read once
/// the next line is known not to belong to it (RFC 9112, 5.2): at once, where that is in sight.
bool HttpResponse::take_header(std::string_view line, std::string_view rest) {
  const auto goes_on = [](std::string_view text) { return text.starts_with(' ') || text.starts_with('\t'); };
  if (goes_on(line)) {
    if (header_.empty()) return false;
    header_.append(" ").append(trim(line));
    return true;
  }
  const bool whole = header_.empty() || parse_header(header_);
  header_.clear();
  if (!whole || line.empty()) return whole;
  if (!rest.empty() && !goes_on(rest)) return parse_header(line);
  header_ = line;
  return true;
}

bool HttpResponse::parse_header(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view name = trim(line.substr(0, colon));
  const std::string_view value = trim(line.substr(colon + 1));
  if (same_token(name, "content-length")) {
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (error != std::errc() || end != value.data() + value.size()) return false;
    if (has_length_ && length != left_) return false;
    has_length_ = true;
    left_ = length;
  } else if (same_token(name, "transfer-encoding")) {
    bool known = true;
    each_element(value, [&](std::string_view coding) {
      if (same_token(coding, "chunked")) {
        chunked_ = true;
      } else {
        known = known && same_token(coding, "identity");
      }
    });
    return known;
  } else if (same_token(name, "connection")) {
    each_element(value, [&](std::string_view option) {
      if (same_token(option, "close")) keep_alive_ = false;
      if (same_token(option, "keep-alive")) keep_alive_ = true;
    });
  } else if (same_token(name, "content-encoding")) {
    return same_token(value, "identity");
  } else if (status_ >= 300 && same_token(name, "x-request-id")) {
    request_id_ = std::make_unique<std::string>(value);
  }
  for (std::size_t i = 0; i < watched_names_.size(); ++i) {
    if (!watched_names_[i].empty() && same_token(name, watched_names_[i])) watched_[i] = value;
  }
  return true;
}

bool HttpResponse::parse_chunk_size(std::string_view line) {
  const std::string_view digits = trim(line.substr(0, line.find(';')));
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), left_, 16);
  return error == std::errc() && end == digits.data() + digits.size() && !digits.empty();
}

HttpResponse::State HttpResponse::body_state() {
  if (status_ == 204 || status_ == 304) return State::kComplete;
  if (chunked_) return State::kChunkSize;
  if (has_length_) return left_ == 0 ? State::kComplete : State::kLength;
  keep_alive_ = false;
  return State::kUntilClose;
}

HttpResponse::Event HttpResponse::next(std::string_view& input) {
  if (!input.empty()) begun_ = true;
  std::string_view line;
  while (true) {
    switch (state_) {
      case State::kStatusLine:
      case State::kHeaderLine:
      case State::kTrailer:
      case State::kChunkSize: {
        if (!take_line(input, line)) {
          return head_bytes_ > kHeadLimit ? fail("a header section over 64 KiB") : Event::kNeedMore;
        }
        if (head_bytes_ > kHeadLimit) return fail("a header section over 64 KiB");
        if (state_ == State::kStatusLine) {
          if (!parse_status_line(line)) return fail("not an HTTP/1.x status line");
          state_ = State::kHeaderLine;
        } else if (state_ == State::kChunkSize) {
          if (!parse_chunk_size(line)) return fail("a malformed chunk size");
          head_bytes_ = 0;
          state_ = left_ == 0 ? State::kTrailer : State::kChunkData;
        } else if (state_ == State::kHeaderLine && !take_header(line, input)) {
          return fail("a malformed or unsupported header");
        } else if (!line.empty()) {
          line_.clear();
          continue;
        } else if (state_ == State::kTrailer) {
          state_ = State::kComplete;
        } else if (status_ < 200) {
          if (status_ == 101) return fail("an unasked protocol switch");
          reset();  // interim: the real response follows
          begun_ = true;
          continue;
        } else {
          head_bytes_ = 0;
          state_ = State::kHeadersDone;
          line_ = header_ = std::string();
          return Event::kHeaders;
        }
        line_.clear();
        continue;
      }
      case State::kHeadersDone:
        state_ = body_state();
        continue;
      case State::kChunkData:
      case State::kLength: {
        if (input.empty()) return Event::kNeedMore;
        body_ = input.substr(0, std::min<std::uint64_t>(left_, input.size()));
        input.remove_prefix(body_.size());
        left_ -= body_.size();
        if (left_ == 0) state_ = state_ == State::kChunkData ? State::kChunkEnd : State::kComplete;
        return Event::kBody;
      }
      case State::kChunkEnd:
        if (input.empty()) return Event::kNeedMore;
        if (input.front() == '\n') {
          state_ = State::kChunkSize;
        } else if (input.front() != '\r') {
          return fail("a chunk longer than its size");
        }
        input.remove_prefix(1);
        continue;
      case State::kUntilClose:
        if (input.empty()) return Event::kNeedMore;
        body_ = std::exchange(input, std::string_view());
        return Event::kBody;
      case State::kComplete:
        return Event::kEnd;
      case State::kFailed:
        return Event::kError;
    }
  }
}

HttpResponse::Event HttpResponse::finish() {
  if (state_ == State::kHeadersDone) state_ = body_state();
  if (state_ == State::kUntilClose) state_ = State::kComplete;
  if (state_ == State::kComplete) return Event::kEnd;
  return state_ == State::kFailed ? Event::kError : fail("the connection ended inside a response");
}

}  // namespace kneepoint::agent
