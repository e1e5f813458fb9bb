#include "agent/record/host_words.h"

#include "common/printable.h"
#include "common/second_stats.h"

namespace kneepoint::agent {
namespace {

/// Of a secret's beginning at the end of the text; fewer characters are chance.
constexpr std::size_t kTellingPart = 4;

/// How many bytes of the beginning of `text` are `secret`, as itself or escaped; 0: it does not begin so.
std::size_t secret_bytes(std::string_view text, std::string_view secret) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < secret.size(); ++i) {
    if (at + 1 < text.size() && text[at] == '\\' && secret[i] != '\\') ++at;
    if (at >= text.size()) return i >= kTellingPart ? at : 0;
    if (text[at] != secret[i]) return 0;
    ++at;
  }
  return at;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

std::string host_words(std::string_view text, std::string_view secret) {
  std::string words;
  for (std::size_t i = 0; i < text.size() && words.size() <= Failures::kSaidBytes;) {
    if (const std::size_t bytes = secret_bytes(text.substr(i), secret); bytes > 0) {
      words += "***";
      i += bytes;
    } else if (is_blank(text[i])) {
      if (!words.empty() && words.back() != ' ') words += ' ';
      ++i;
    } else {
      words += text[i++];
    }
  }
  if (words.ends_with(' ')) words.pop_back();
  return printable_start(words, Failures::kSaidBytes);
}

}  // namespace kneepoint::agent
