#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/texts_id.h"
#include "coordinator/compare/render.h"
#include "tests/coordinator/compare_samples.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

/// One row, of a run that asked `texts`.
Report asked(const std::string& run, const std::string& texts, std::optional<double> cached = {}) {
  Report report = scenes::report({scenes::row(8, 800, 0.02)});
  report.run_id = run;
  report.results[0].workload.texts = texts;
  report.results[0].steps[0].cached_prompt_ratio = cached;
  return report;
}

std::vector<std::string> remarks(std::vector<Report> reports) {
  return scenes::of(std::move(reports)).results[0].remarks;
}

TEST(SharedCache, IsSaidWithTheRemedyInEveryFile) {
  const Comparison comparison = scenes::of({asked("1", "t"), asked("2", "t", 0.63)});
  const std::string sentence =
      "A and B asked the same texts, and the host holds prompts in a prefix cache (in B at 8, 63 % of the "
      "prompt "
      "tokens came out of it), so what one run asked may have made the next one faster; ask new texts in "
      "each run "
      "(unique: true, and no texts: repeat), or restart the host before each";
  EXPECT_THAT(comparison.results[0].remarks, Contains(sentence));
  EXPECT_THAT(render_text(comparison), HasSubstr("A and B asked the same texts"));
  for (const std::string& file :
       {render_markdown(comparison), render_html(comparison), render_json(comparison, 0, "done")})
    EXPECT_THAT(file, HasSubstr(sentence));
}

TEST(SharedCache, APageThatTellsOfHitsIsEnough) {
  Report later = asked("2", "t");
  later.results[0].steps[0].telemetry = StepTelemetry{.prefix_hit_ratio = 0.004};
  EXPECT_THAT(remarks({asked("1", "t"), later}), Contains(HasSubstr("in B at 8, 0.4 %")));
}

TEST(SharedCache, IsNotSaidWhereItCannotBe) {
  const auto said = Contains(HasSubstr("prefix cache"));
  EXPECT_THAT(remarks({asked("1", "t"), asked("2", "t")}), Not(said)) << "no cache was seen";
  EXPECT_THAT(remarks({asked("1", "t"), asked("2", "t", 0)}), Not(said));
  EXPECT_THAT(remarks({asked("1", "t"), asked("2", "u", 0.6)}), Not(said)) << "other texts";
  EXPECT_THAT(remarks({asked("1", ""), asked("2", "", 0.6)}), Not(said)) << "texts of each run alone";
  EXPECT_THAT(remarks({asked("1", "t"), asked("1", "t", 0.6)}), Not(said))
      << "targets of one run: two caches";
  EXPECT_THAT(remarks({asked("1", "x"), asked("2", "t"), asked("3", "t", 0.6)}),
              Contains(HasSubstr("B and C asked the same texts")));
}

TEST(TextsId, IsOfTheTextsAndNotOfHowTheyAreAsked) {
  const Workload given{.classes = {{.name = "default", .prompts = {"hi"}}}};
  Workload longer = given;
  longer.output_tokens = 512;
  longer.temperature = 0.2;
  EXPECT_EQ(texts_id(given, 1), texts_id(longer, 2)) << "given texts are the same whatever the seed";
  EXPECT_NE(texts_id(given, 1), "");
  Workload other = given;
  other.classes[0].prompts = {"ho"};
  EXPECT_NE(texts_id(given, 1), texts_id(other, 1));
}

TEST(TextsId, IsNoneWhereEveryRunMakesItsOwn) {
  Workload made{.classes = {{.name = "default", .prompts = {}}}};
  made.synthetic = Synthetic{};
  EXPECT_EQ(texts_id(made, 1), "");
  Workload unique{.classes = {{.name = "default", .prompts = {"hi"}}}, .unique = true};
  EXPECT_EQ(texts_id(unique, 1), "");
  for (Workload* each : {&made, &unique}) {
    each->repeat_texts = true;
    EXPECT_NE(texts_id(*each, 1), "");
    EXPECT_EQ(texts_id(*each, 1), texts_id(*each, 1));
    EXPECT_NE(texts_id(*each, 1), texts_id(*each, 2)) << "they follow the seed";
  }
}

}  // namespace
}  // namespace kneepoint::coordinator
