#include "coordinator/datasets/library.h"

#include <fmt/format.h>

namespace kneepoint::coordinator {

Result<DatasetLibrary::Item> DatasetLibrary::get(DatasetSpec spec) {
  spec.path = (folder_ / spec.path).lexically_normal().string();
  if (const auto known = read_.find(spec); known != read_.end()) return known->second;
  auto read = read_dataset(spec);
  if (!read) return read.error();
  const std::string bytes = to_bytes(read->dataset);
  if (bytes.size() > kMaxDatasetBytes)
    return Error{fmt::format("{}: is more than agents can hold; set 'limit'", spec.path)};
  Item item = keep(std::move(read->dataset), bytes);
  files_.emplace(item.hash, DatasetFile{.name = std::filesystem::path(spec.path).filename().string(),
                                        .sha256 = std::move(read->sha256),
                                        .skipped = read->skipped,
                                        .first_skipped = std::move(read->first_skipped)});
  return read_.emplace(std::move(spec), std::move(item)).first->second;
}

DatasetLibrary::Item DatasetLibrary::add(const std::string& name, Dataset dataset) {
  const std::string bytes = to_bytes(dataset);
  Item item = keep(std::move(dataset), bytes);
  files_.emplace(item.hash, DatasetFile{.name = name, .sha256 = item.hash});
  return item;
}

DatasetLibrary::Item DatasetLibrary::keep(Dataset dataset, const std::string& bytes) {
  Item item{.hash = content_hash(bytes),
            .bytes = bytes.size(),
            .dataset = std::make_shared<const Dataset>(std::move(dataset))};
  item.dataset = datasets_.emplace(item.hash, item.dataset).first->second;
  return item;
}

}  // namespace kneepoint::coordinator
