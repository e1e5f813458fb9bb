#include "common/words.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace kneepoint {
namespace {

std::string words(std::uint64_t seed, std::size_t count) {
  std::string text;
  append_words(text, seed, count);
  return text;
}

TEST(Words, AreSoManyOfFourLetters) {
  for (const std::size_t count : {1u, 2u, 7u, 8u, 9u, 1000u}) {
    std::istringstream in(words(3, count));
    std::size_t seen = 0;
    for (std::string word; in >> word; ++seen) EXPECT_EQ(word.size(), 4u);
    EXPECT_EQ(seen, count);
    EXPECT_EQ(words(3, count).size(), 5 * count - 1);
  }
  EXPECT_EQ(words(3, 0), "");
}

TEST(Words, TheSameSeedGivesTheSameText) {
  EXPECT_EQ(words(7, 500), words(7, 500));
  EXPECT_TRUE(words(7, 500).starts_with(words(7, 100))) << "a longer text begins as the shorter";
}

TEST(Words, OtherSeedsShareNoBeginning) {
  std::set<std::string> beginnings;
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) beginnings.insert(words(seed, 8));
  EXPECT_EQ(beginnings.size(), 20'000u);
}

TEST(Words, AllAreUsedAndNoneTwice) {
  std::istringstream in(words(1, 50'000));
  std::set<std::string> vocabulary;
  for (std::string word; in >> word;) vocabulary.insert(word);
  EXPECT_EQ(vocabulary.size(), 256u);
}

TEST(Words, ContinueAText) {
  std::string text = "once";
  append_words(text, 5, 2);
  EXPECT_EQ(text, "once " + words(5, 2));
}

}  // namespace
}  // namespace kneepoint
