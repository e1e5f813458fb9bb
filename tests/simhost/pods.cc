#include "tests/simhost/pods.h"

#include <fmt/format.h>

namespace kneepoint::simhost {

Result<PageOf> parse_page_of(std::string_view text) {
  if (text == "first") return PageOf::kFirst;
  if (text == "rotating") return PageOf::kRotating;
  if (text == "smallest") return PageOf::kSmallest;
  if (text == "each") return PageOf::kEach;
  if (text == "ranks") return PageOf::kRanks;
  return Error{fmt::format("'{}' names no page; there are first, rotating, smallest, each, ranks", text)};
}

Pods::Pods(PageOf of, int count) : of_(of), count_(count) {}

int Pods::next() {
  const auto number = static_cast<int>(connections_++ % static_cast<std::uint64_t>(4 * count_));
  if (of_ != PageOf::kSmallest || count_ == 1) return number % count_;
  return number == 0 ? count_ - 1 : number % (count_ - 1);
}

int Pods::page() {
  if (of_ == PageOf::kRotating) return static_cast<int>(scrapes_++ % static_cast<std::uint64_t>(count_));
  return of_ == PageOf::kSmallest ? count_ - 1 : 0;
}

void PageHistory::remember(Nanos now, const std::function<std::string()>& render) {
  if (!on() || (!pages_.empty() && now - pages_.back().first < kApart)) return;
  const bool frozen = config_.freeze_after > Nanos(0) && now - start_ >= config_.freeze_after;
  if (frozen && !pages_.empty()) return;
  pages_.emplace_back(now, render());
  while (pages_.size() > 1 && pages_[1].first <= now - config_.age) pages_.pop_front();
}

const std::string& PageHistory::shown(Nanos now) {
  while (pages_.size() > 1 && pages_[1].first <= now - config_.age) pages_.pop_front();
  return pages_.front().second;
}

}  // namespace kneepoint::simhost
