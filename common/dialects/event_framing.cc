#include "common/dialects/event_framing.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace kneepoint {
namespace {

/// A buffer above this is given back after its event: streams hold what their usual events need, no more.
constexpr std::size_t kKeptCapacity = 4 * 1024;

void empty_out(std::string& buffer) {
  if (buffer.capacity() > kKeptCapacity) {
    buffer = std::string();
  } else {
    buffer.clear();
  }
}

/// Appends, keeping kPadding readable bytes behind the content. @return false past the limit.
bool append_bounded(std::string& buffer, std::string_view piece) {
  if (buffer.size() + piece.size() > kEventLimit) return false;
  if (buffer.capacity() < buffer.size() + piece.size() + kPadding) {
    buffer.reserve(std::max(2 * buffer.capacity(), buffer.size() + piece.size() + kPadding));
  }
  buffer.append(piece);
  return true;
}

std::size_t find(std::string_view text, char c) {
  const void* at = std::memchr(text.data(), c, text.size());
  return at == nullptr ? text.size() : static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
}

}  // namespace

void SseParser::reset() {
  *this = SseParser();
}

void SseParser::begin_event() {
  reported_ = has_data_ = in_joined_ = stray_ = false;
  empty_out(joined_);
  type_.clear();
  data_ = {};
}

/// Interprets one whole line. @return kNeedMore to go on.
EventStatus SseParser::take_line(std::string_view line) {
  if (std::exchange(at_start_, false) && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  if (line.empty()) {
    if (!has_data_ && type_ != "error") {
      begin_event();
      return EventStatus::kNeedMore;
    }
    if (in_joined_) data_ = joined_;
    reported_ = true;
    return EventStatus::kEvent;
  }
  const std::size_t colon = find(line, ':');
  const std::string_view name = line.substr(0, colon);
  std::string_view value = line.substr(std::min(colon + 1, line.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    const bool in_input = partial_.empty();
    if (!has_data_ && in_input) {
      data_ = value;
    } else {
      if (!in_joined_ && has_data_ && !append_bounded(joined_, data_)) return EventStatus::kTooLong;
      if (has_data_ && !append_bounded(joined_, "\n")) return EventStatus::kTooLong;
      if (!append_bounded(joined_, value)) return EventStatus::kTooLong;
      in_joined_ = true;
    }
    has_data_ = true;
  } else if (name == "event") {
    type_ = value;
  } else if (!has_data_ && name == "error" && !value.empty()) {
    type_ = name;
    return report(value);
  } else if (!has_data_ && line.front() == '{') {
    stray_ = true;
    return report(line);
  }
  return EventStatus::kNeedMore;  // comments, id:, retry: and unknown fields
}

/// Reports one line as an event. It may lie in a buffer that the caller empties: it is kept.
EventStatus SseParser::report(std::string_view line) {
  if (!append_bounded(joined_, line)) return EventStatus::kTooLong;
  data_ = joined_;
  reported_ = true;
  return EventStatus::kEvent;
}

EventStatus SseParser::next(std::string_view& input) {
  if (reported_) begin_event();
  if (skip_lf_ && !input.empty()) {
    if (input.front() == '\n') input.remove_prefix(1);
    skip_lf_ = false;
  }
  while (!input.empty()) {
    const std::size_t lf = find(input, '\n');
    const std::size_t end = find(input.substr(0, lf), '\r');
    if (end == input.size()) {
      if (!append_bounded(partial_, input)) return EventStatus::kTooLong;
      input = {};
      break;
    }
    std::string_view line = input.substr(0, end);
    skip_lf_ = input[end] == '\r' && end + 1 == input.size();
    input.remove_prefix(end + (end + 1 == lf && lf < input.size() ? 2 : 1));  // CRLF, or CR or LF alone
    if (!partial_.empty()) {
      if (!append_bounded(partial_, line)) return EventStatus::kTooLong;
      line = partial_;
    }
    const EventStatus status = take_line(line);
    empty_out(partial_);
    if (status != EventStatus::kNeedMore) return status;
  }
  // The piece is about to go away: keep what an unfinished event points to.
  if (has_data_ && !in_joined_) {
    if (!append_bounded(joined_, data_)) return EventStatus::kTooLong;
    in_joined_ = true;
  }
  return EventStatus::kNeedMore;
}

EventStatus SseParser::finish() {
  if (reported_) begin_event();
  if (!partial_.empty()) {
    const EventStatus status = take_line(partial_);
    empty_out(partial_);
    if (status != EventStatus::kNeedMore) return status;
  }
  return take_line({});
}

void LineParser::reset() {
  *this = LineParser();
}

EventStatus LineParser::next(std::string_view& input) {
  if (std::exchange(reported_, false)) empty_out(partial_);
  while (!input.empty()) {
    const std::size_t lf = find(input, '\n');
    const std::size_t end = find(input.substr(0, lf), '\0');
    if (end == input.size()) {
      const bool fits = append_bounded(partial_, input);
      input = {};
      return fits ? EventStatus::kNeedMore : EventStatus::kTooLong;
    }
    data_ = input.substr(0, end);
    input.remove_prefix(end + 1);
    if (!partial_.empty()) {
      if (!append_bounded(partial_, data_)) return EventStatus::kTooLong;
      data_ = partial_;
    }
    if (data_.ends_with('\r')) data_.remove_suffix(1);
    if (!data_.empty()) {
      reported_ = true;
      return EventStatus::kEvent;
    }
    empty_out(partial_);
  }
  return EventStatus::kNeedMore;
}

EventStatus LineParser::finish() {
  if (std::exchange(reported_, false)) empty_out(partial_);
  if (partial_.empty()) return EventStatus::kNeedMore;
  data_ = partial_;
  reported_ = true;
  return EventStatus::kEvent;
}

}  // namespace kneepoint
