#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "common/dataset.h"
#include "common/plan.h"
#include "common/result.h"
#include "coordinator/datasets/dataset_file.h"

namespace kneepoint::coordinator {

/// The datasets of one plan: each file is read once, each content kept once.
class DatasetLibrary {
 public:
  struct Item {
    std::string hash;
    std::uint64_t bytes = 0;
    std::shared_ptr<const Dataset> dataset;
  };

  /// @param folder where relative paths begin: the plan's.
  explicit DatasetLibrary(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// The dataset that `spec` describes; its path as the plan has it.
  Result<Item> get(DatasetSpec spec);

  /// A dataset that no file holds. @param name what it is called where a file's name would stand.
  Item add(const std::string& name, Dataset dataset);

  /// By content hash, like the files they come from.
  const std::map<std::string, std::shared_ptr<const Dataset>>& datasets() const { return datasets_; }
  const std::map<std::string, DatasetFile>& files() const { return files_; }

 private:
  Item keep(Dataset dataset, const std::string& bytes);

  const std::filesystem::path folder_;
  std::map<DatasetSpec, Item> read_;
  std::map<std::string, std::shared_ptr<const Dataset>> datasets_;
  std::map<std::string, DatasetFile> files_;
};

}  // namespace kneepoint::coordinator
