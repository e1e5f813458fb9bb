#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kneepoint {

/// The longest event that a stream may carry. Longer ones are a parse error, so that a broken host cannot
/// fill the agent's memory.
inline constexpr std::size_t kEventLimit = 4 * 1024 * 1024;

/// Cuts a byte stream into events. The caller feeds a piece and pulls:
///
///     while (parser.next(input) == EventStatus::kEvent) use(parser.data());
///
/// `data()` is a view, valid until the next call: into the input when the event lies in one piece (nothing is
/// copied then), else into the parser's buffer. Either way at least `kPadding` bytes behind it are readable,
/// provided that the same holds for every input.
enum class EventStatus : std::uint8_t { kNeedMore, kEvent, kTooLong };

inline constexpr std::size_t kPadding = 64;

/// Server-sent events (WHATWG HTML, "event stream interpretation"): CRLF, LF and CR line ends, comments,
/// `event:`, data over several lines (joined by LF), an optional byte order mark. An event without data is
/// not reported, unless it is of type "error".
///
/// Two kinds of lines that are no field of the standard are reported as events of their own, because hosts
/// fail in them: `error: …` (llama.cpp) as of type "error", and a line that begins as a JSON document does (a
/// gateway that writes its complaint into the stream) as stray().
class SseParser {
 public:
  EventStatus next(std::string_view& input);
  std::string_view data() const { return data_; }
  /// The `event:` field; empty when there was none.
  std::string_view type() const { return type_; }
  /// The event is a bare line that no field name introduces.
  bool stray() const { return stray_; }
  /// The stream ended: an event that lacks its closing blank line, or even the end of its last line, is
  /// reported all the same (a deviation from the standard, which drops it: a host that ends right behind what
  /// it had to say has still said it).
  EventStatus finish();
  /// Forgets everything, and gives back a buffer that a giant event left behind.
  void reset();
  /// Bytes of an event that is not whole yet.
  std::size_t held() const { return partial_.size() + joined_.size(); }

 private:
  EventStatus take_line(std::string_view line);
  EventStatus report(std::string_view line);
  void begin_event();

  std::string partial_;  // a line that a piece cut in two
  std::string
      joined_;  // data that is not one view into the input: several lines, or copied to survive a piece
  std::string type_;
  std::string_view data_;  // of the event so far, unless it is in joined_
  bool has_data_ = false;
  bool in_joined_ = false;
  bool reported_ = false;  // the last call reported an event: forget it first
  bool stray_ = false;
  bool skip_lf_ = false;  // the last piece ended in CR
  bool at_start_ = true;
};

/// One JSON document a line, ended by LF, CRLF or NUL (vLLM's `/generate` has used both). Blank lines are
/// skipped.
class LineParser {
 public:
  EventStatus next(std::string_view& input);
  std::string_view data() const { return data_; }
  EventStatus finish();
  void reset();
  std::size_t held() const { return partial_.size(); }

 private:
  std::string partial_;
  std::string_view data_;
  bool reported_ = false;
};

}  // namespace kneepoint
