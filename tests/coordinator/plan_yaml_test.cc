#include <gtest/gtest.h>

#include "tests/coordinator/plan_samples.h"

namespace kneepoint::coordinator {
namespace {

struct YamlCase {
  const char* name;
  std::string text;
  std::string error;
};

class YamlError : public testing::TestWithParam<YamlCase> {};

TEST_P(YamlError, PointsToThePlace) {
  EXPECT_EQ(error_of(GetParam().text), GetParam().error);
}

const YamlCase kYamlCases[] = {
    {"Empty", "", "sweep.yaml:1:1: the plan is empty; it needs kneepoint: 1, targets and scenarios"},
    {"OnlyComments", "# nothing\n",
     "sweep.yaml:1:1: the plan is empty; it needs kneepoint: 1, targets and scenarios"},
    {"NoMapping", "hello",
     "sweep.yaml:1:1: the plan must be a mapping (kneepoint, name, seed, records, on_agent_lost, "
     "alternate, guard_rails, bystander, thresholds, targets, scenarios), not a "
     "single "
     "value"},
    {"UnclosedList", "kneepoint: 1\nname: [a, b\n",
     "sweep.yaml:3:1: not valid YAML: end of sequence flow not found; the '[' of line 2, column 7, is not "
     "closed, or a ',' is missing"},
    {"UnclosedMapping", "kneepoint: 1\ntargets: {a: b\n",
     "sweep.yaml:3:1: not valid YAML: end of map flow not found; the '{' of line 2, column 10, is not "
     "closed, or a ',' is missing"},
    {"UnclosedQuote", "kneepoint: 1\nname: \"a\n",
     "sweep.yaml:3:1: not valid YAML: illegal EOF in scalar; a quote is not closed"},
    {"ColonInText", "kneepoint: 1\nname: a: b\n",
     "sweep.yaml:2:8: not valid YAML: illegal map value; check the indentation, and quote a text that holds "
     "': '"},
    {"Tab", "kneepoint: 1\ntargets:\n\t- name: a\n",
     "sweep.yaml:3:1: a tab indents this line; YAML takes spaces only"},
    {"TabBeforeKey", "kneepoint: 1\ntargets:\n  - name: a\n\turl: b\n",
     "sweep.yaml:4:1: a tab indents this line; YAML takes spaces only"},
    {"BadIndentation", "kneepoint: 1\n  name: a\n",
     "sweep.yaml:2:7: not valid YAML: illegal map value; check the indentation, and quote a text that holds "
     "': '"},
    {"UnknownAlias", "kneepoint: 1\nname: *nobody\n",
     "sweep.yaml:2:7: not valid YAML: the referenced anchor is not defined"},
    {"AliasInItself", "kneepoint: 1\nname: &a [*a]\n",
     "sweep.yaml:2:11: this alias stands inside the value that it names"},
    {"MergeOfAText", "kneepoint: 1\n<<: text\n",
     "sweep.yaml:2:1: '<<' merges a mapping or a list of mappings"},
    {"TwoDocuments", "kneepoint: 1\n---\nkneepoint: 1\n",
     "sweep.yaml:2:1: a second document; a plan is one YAML document"},
    {"DuplicateKey", "kneepoint: 1\nname: a\nname: b\n",
     "sweep.yaml:3:1: duplicate key 'name', first given in line 2; keep one"},
    {"DuplicateKeyDeep", Parts{.ramp = "{steps: [1], warmup: 1s, steps: [2]}"}.text(),
     "sweep.yaml:7:36: duplicate key 'steps', first given in line 7; keep one"},
    {"ListAsKey", "kneepoint: 1\n[a]: b\n", "sweep.yaml:2:1: a key must be a single word"},
    {"NotUtf8", "kneepoint: 1\nname: caf\xe9\n", "sweep.yaml:2:10: not UTF-8 text; save the plan as UTF-8"},
    {"ControlCharacter", "kneepoint: 1\nname: a\x04z\n", "sweep.yaml:2:8: control character 0x04; remove it"},
    {"NulByte", std::string("kneepoint: 1\nna\0me: a\n", 22),
     "sweep.yaml:2:3: control character 0x00; remove it"},
    {"ColumnsCountCharacters", "kneepoint: 1\nname: x\nseed: [\"量子é\", &a b, *c]\n",
     "sweep.yaml:3:21: not valid YAML: the referenced anchor is not defined"},
};

INSTANTIATE_TEST_SUITE_P(All, YamlError, testing::ValuesIn(kYamlCases),
                         [](const auto& info) { return info.param.name; });

TEST(YamlLimits, ABillionLaughsAreCutShort) {
  std::string text = "kneepoint: 1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 1; k < 10; ++k) text += ", " + before;
    text += "]\n";
  }
  EXPECT_EQ(error_of(text),
            "sweep.yaml:5:45: the plan grows too large here: 10000 values or 4 MiB of text are the most, "
            "aliases counted in full");
}

TEST(YamlLimits, AliasesOfLongTexts) {
  std::string text = "a: &a \"" + std::string(500'000, 'x') + "\"\nb: [*a";
  for (int i = 0; i < 5000; ++i) text += ", *a";
  EXPECT_EQ(error_of(text + "]\n"),
            "sweep.yaml:2:33: the plan grows too large here: 10000 values or 4 MiB of text are the most, "
            "aliases counted in full");
}

TEST(YamlLimits, Depth) {
  EXPECT_EQ(error_of("a: " + std::string(100'000, '[')),
            "sweep.yaml:1:20: nested more than 32 levels deep; write it flatter");
  std::string blocks;
  for (int i = 0; i < 200; ++i) blocks += std::string(i, ' ') + "a:\n";
  EXPECT_EQ(error_of(blocks), "sweep.yaml:33:33: nested more than 32 levels deep; write it flatter");
}

TEST(YamlLimits, ManyValues) {
  std::string text = "a: [1";
  for (int i = 0; i < 20'000; ++i) text += ",1";
  EXPECT_EQ(error_of(text + "]"),
            "sweep.yaml:1:19999: the plan grows too large here: 10000 values or 4 MiB of text are the most, "
            "aliases counted in full");
}

}  // namespace
}  // namespace kneepoint::coordinator
