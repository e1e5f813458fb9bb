#include "coordinator/telemetry/prometheus_text.h"

#include <charconv>
#include <optional>
#include <system_error>

namespace kneepoint::coordinator {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/// What is left of one line.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line) {}

  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }
  bool empty() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool take(char expected) {
    if (rest_.empty() || rest_.front() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// Up to the first of `ends` or a blank.
  std::string_view take_word(std::string_view ends) {
    std::size_t length = 0;
    while (length < rest_.size() && !is_blank(rest_[length]) && ends.find(rest_[length]) == ends.npos)
      ++length;
    const auto word = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return word;
  }
  /// A quoted text with the escapes \\, \" and \n; an unknown escape stands for itself.
  std::optional<std::string> take_quoted() {
    if (!take('"')) return std::nullopt;
    std::string text;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return text;
      if (c != '\\' || rest_.empty()) {
        text += c;
        continue;
      }
      const char escaped = rest_.front();
      rest_.remove_prefix(1);
      if (escaped == 'n') {
        text += '\n';
      } else {
        if (escaped != '\\' && escaped != '"') text += '\\';
        text += escaped;
      }
    }
    return std::nullopt;
  }

 private:
  std::string_view rest_;
};

std::optional<double> parse_value(std::string_view word) {
  if (word.starts_with('+')) word.remove_prefix(1);
  if (word.empty() || word.starts_with('+')) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (end != word.data() + word.size() || error != std::errc{}) return std::nullopt;
  return value;
}

/// What follows the opening brace. In OpenMetrics' UTF-8 form the first quoted text without "=" is the name.
bool read_labels(LineReader& line, MetricSample& sample, std::size_t max_labels) {
  for (;;) {
    line.skip_blanks();
    if (line.take('}')) return true;
    std::string key;
    if (line.peek() == '"') {
      auto quoted = line.take_quoted();
      if (!quoted) return false;
      key = std::move(*quoted);
    } else {
      key = line.take_word("=,}\"");
    }
    if (key.empty()) return false;
    line.skip_blanks();
    if (line.take('=')) {
      line.skip_blanks();
      auto value = line.take_quoted();
      if (!value || sample.labels.size() == max_labels) return false;
      sample.labels.emplace_back(std::move(key), std::move(*value));
    } else if (sample.name.empty()) {
      sample.name = std::move(key);
    } else {
      return false;
    }
    line.skip_blanks();
    if (line.take(',')) continue;
    return line.take('}');
  }
}

/// The name as it stands in the line, before anything else is parsed; empty where there is none.
std::string name_of(std::string_view line) {
  LineReader reader(line);
  if (!reader.take('{')) return std::string(reader.take_word("{"));
  reader.skip_blanks();
  return reader.take_quoted().value_or("");
}

std::optional<MetricSample> parse_line(std::string_view text, std::size_t max_labels) {
  LineReader line(text);
  MetricSample sample;
  sample.name = line.take_word("{");
  line.skip_blanks();
  if (line.take('{') && !read_labels(line, sample, max_labels)) return std::nullopt;
  if (sample.name.empty()) return std::nullopt;
  line.skip_blanks();
  const auto value = parse_value(line.take_word("#"));
  if (!value) return std::nullopt;
  sample.value = *value;
  line.skip_blanks();
  // A timestamp, an exemplar, or both may follow; neither is used.
  if (line.empty() || line.peek() == '#') return sample;
  if (!parse_value(line.take_word("#"))) return std::nullopt;
  line.skip_blanks();
  if (!line.empty() && line.peek() != '#') return std::nullopt;
  return sample;
}

}  // namespace

std::string_view MetricSample::label(std::string_view key) const {
  for (const auto& [name, value] : labels) {
    if (name == key) return value;
  }
  return {};
}

Exposition parse_exposition(std::string_view text, const std::function<bool(std::string_view)>& wanted,
                            const ExpositionLimits& limits) {
  Exposition result;
  if (text.size() > limits.bytes) {
    text = text.substr(0, limits.bytes);
    // The last line is cut in two: half a number would be read as another one.
    const auto last = text.rfind('\n');
    text = text.substr(0, last == text.npos ? 0 : last);
    result.truncated = true;
  }
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
    if (line.empty() || line.front() == '#') continue;
    // Names are short, so a long line can be judged by its beginning.
    if (!wanted(name_of(line.substr(0, limits.line_bytes)))) continue;
    auto sample = line.size() <= limits.line_bytes ? parse_line(line, limits.labels) : std::nullopt;
    if (!sample) {
      ++result.malformed;
    } else if (result.samples.size() == limits.samples) {
      result.truncated = true;
      break;
    } else {
      result.samples.push_back(std::move(*sample));
    }
  }
  return result;
}

}  // namespace kneepoint::coordinator
