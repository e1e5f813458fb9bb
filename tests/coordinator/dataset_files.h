#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "coordinator/datasets/dataset_file.h"

namespace kneepoint::coordinator {

/// Dataset files in a folder of their own, and what is read of them.
class DatasetFiles : public testing::Test {
 protected:
  DatasetFiles() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kneepoint-datasets-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~DatasetFiles() override { std::filesystem::remove_all(folder_); }

  DatasetSpec file(DatasetFormat format, const std::string& text) {
    path_ = (folder_ / "data").string();
    std::ofstream(path_, std::ios::binary) << text;
    return {.path = path_, .format = format};
  }
  Dataset read(const DatasetSpec& spec) {
    auto read = read_dataset(spec);
    EXPECT_TRUE(read) << read.error().message;
    return read ? read->dataset : Dataset{};
  }
  /// The complaint, without the file's name.
  std::string error(const DatasetSpec& spec) {
    const auto dataset = read_dataset(spec);
    if (dataset) return "";
    EXPECT_TRUE(dataset.error().message.starts_with(path_ + ":")) << dataset.error().message;
    return dataset.error().message.substr(path_.size() + 1);
  }

  std::filesystem::path folder_;
  std::string path_;
};

}  // namespace kneepoint::coordinator
