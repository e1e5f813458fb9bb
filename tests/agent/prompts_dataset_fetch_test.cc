#include "agent/prompts/dataset_fetch.h"

#include <gtest/gtest.h>

namespace kneepoint::agent {
namespace {

class Fetch : public testing::Test {
 protected:
  Fetch() {
    for (int i = 0; i < 2; ++i) {
      Dataset dataset{.classes = {"default"}};
      for (int k = 0; k < 300'000; ++k)
        dataset.entries.push_back({.turns = {"prompt " + std::to_string(i + k)}});
      bytes_.push_back(to_bytes(dataset));
    }
    // Three cells, two of them with the same dataset.
    for (const std::size_t i : {0u, 1u, 0u}) {
      Cell& cell = assignment_.cells.emplace_back();
      cell.workload.dataset = DatasetUse{.hash = content_hash(bytes_[i]), .bytes = bytes_[i].size()};
    }
    assignment_.cells.emplace_back();
  }
  const std::string& bytes_of(const std::string& hash) const {
    return content_hash(bytes_[0]) == hash ? bytes_[0] : bytes_[1];
  }

  std::vector<std::string> bytes_;
  Assignment assignment_;
};

TEST_F(Fetch, PutsEachDatasetTogetherOnce) {
  DatasetFetch fetch(assignment_);
  std::size_t pieces = 0;
  for (; !fetch.complete(); ++pieces) {
    const auto piece = fetch.next();
    const std::string data = bytes_of(piece.hash).substr(piece.offset, kDatasetChunkBytes);
    const auto taken = fetch.take(piece.hash, piece.offset, data);
    ASSERT_TRUE(taken) << taken.error().message;
  }
  EXPECT_EQ(pieces, (bytes_[0].size() >> 20) + (bytes_[1].size() >> 20) + 2);
  const auto datasets = std::move(fetch).datasets();
  ASSERT_EQ(datasets.size(), 2u);
  for (const auto& [hash, dataset] : datasets) EXPECT_EQ(to_bytes(*dataset), bytes_of(hash));
}

TEST_F(Fetch, NothingToFetch) {
  EXPECT_TRUE(DatasetFetch(Assignment()).complete());
}

TEST_F(Fetch, RefusesWhatItDidNotAskFor) {
  DatasetFetch fetch(assignment_);
  const auto piece = fetch.next();
  EXPECT_FALSE(fetch.take("other", 0, "x"));
  EXPECT_FALSE(fetch.take(piece.hash, 1, "x"));
  EXPECT_FALSE(fetch.take(piece.hash, 0, "")) << "the coordinator has no such bytes";
  EXPECT_FALSE(fetch.take(piece.hash, 0, std::string(bytes_of(piece.hash).size() + 1, 'x')));
}

TEST_F(Fetch, RefusesOtherContent) {
  DatasetFetch fetch(assignment_);
  const auto piece = fetch.next();
  std::string data = bytes_of(piece.hash);
  data[data.size() / 2] ^= 1;
  const auto taken = fetch.take(piece.hash, 0, data);
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().message.find("other content"), std::string::npos);
}

}  // namespace
}  // namespace kneepoint::agent
