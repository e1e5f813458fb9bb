#include "coordinator/results/trust.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "coordinator/words/remedies.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::ElementsAre;

TEST(Verdict, WithoutRemarksIsTrustworthy) {
  EXPECT_EQ(Verdict{}.trust(), Trust::kTrustworthy);
  EXPECT_TRUE(Verdict{}.valid());
}

TEST(Verdict, IsAsGoodAsItsHeaviestRemark) {
  Verdict verdict;
  verdict.warn("short_windows", "windows are short");
  EXPECT_TRUE(verdict.valid());
  verdict.reserve("measured_once", "it was measured once");
  EXPECT_EQ(verdict.trust(), Trust::kReserved);
  EXPECT_FALSE(verdict.valid());
  verdict.refuse("target_down", "the host stopped answering");
  EXPECT_EQ(verdict.trust(), Trust::kUntrusted);
}

TEST(Verdict, FatalRemarksStandFirstAndEqualOnesKeepTheirOrder) {
  Verdict verdict;
  verdict.warn("a", "first warning");
  verdict.refuse("b", "first refusal");
  verdict.reserve("c", "reservation");
  verdict.warn("d", "second warning");
  verdict.refuse("e", "second refusal");
  EXPECT_THAT(verdict.reasons(), ElementsAre("first refusal", "second refusal", "reservation",
                                             "first warning", "second warning"));
  EXPECT_TRUE(verdict.has("d"));
  EXPECT_FALSE(verdict.has("f"));
}

TEST(Verdict, ARemedyComesWithTheCode) {
  Verdict verdict;
  verdict.refuse("client_bound", "a generator thread was busy 92 % of the time");
  EXPECT_EQ(verdict.remarks()[0].remedy, "give the agents more threads, cores or hosts");
  EXPECT_EQ(remedy_for("no such code"), "");
}

TEST(Remedies, EveryCodeStandsInTheDocumentation) {
  std::ifstream file(std::string(KNEEPOINT_SOURCE_DIR) + "/docs/report.md");
  std::stringstream docs;
  docs << file.rdbuf();
  std::set<std::string_view> codes;
  for (const Remedy& each : remedies()) {
    EXPECT_TRUE(codes.insert(each.code).second) << each.code << " twice";
    const std::string line = "| `" + std::string(each.code) + "` | " + std::string(each.meaning) + " | " +
                             std::string(each.remedy) + " |";
    EXPECT_NE(docs.str().find(line), std::string::npos) << line;
  }
}

TEST(Remark, WeightsHaveNames) {
  for (const auto weight : {Remark::Weight::kFatal, Remark::Weight::kReservation, Remark::Weight::kWarning})
    EXPECT_EQ(remark_weight_from_string(to_string(weight)), weight);
  EXPECT_FALSE(remark_weight_from_string("heavy"));
}

}  // namespace
}  // namespace kneepoint::coordinator
