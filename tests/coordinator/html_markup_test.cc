#include "coordinator/report/html/markup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace kneepoint::coordinator::html {
namespace {

TEST(HtmlMarkup, EscapesWhatCouldEndTextOrAnAttribute) {
  EXPECT_EQ(escape(R"(<b a="1" c='2'>&amp;)"), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;");
}

TEST(HtmlMarkup, KeepsTextLinesAndReplacesControlCharacters) {
  EXPECT_EQ(escape("µs\tone\ntwo"), "µs\tone\ntwo");
  EXPECT_EQ(escape(std::string_view("a\0b\x1b[31m", 8)), "a\uFFFDb\uFFFD[31m");
}

TEST(HtmlMarkup, JsonInAScriptElementCannotEndIt) {
  const std::string safe = escape_script_json(R"({"name":"</script><!--"})");
  EXPECT_EQ(safe.find('<'), std::string::npos);
  EXPECT_EQ(safe, R"({"name":"\u003c/script>\u003c!--"})");
}

TEST(HtmlMarkup, FillsEachPlaceholderOnceAndNotInsideValues) {
  EXPECT_EQ(fill("{{a}}-{{b}}-{{a}}", {{"a", "{{b}}"}, {"b", "2"}}), "{{b}}-2-{{b}}");
  EXPECT_THROW(fill("{{missing}}", {{"a", "1"}}), std::logic_error);
}

TEST(HtmlMarkup, CspHashIsTheBase64OfSha256) {
  // printf '' | openssl dgst -sha256 -binary | base64
  EXPECT_EQ(csp_hash(""), "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
}

}  // namespace
}  // namespace kneepoint::coordinator::html
