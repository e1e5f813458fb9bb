#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/result.h"

namespace kneepoint::simhost {

/// Whose page a scrape gets where several servers stand behind one address.
enum class PageOf : std::uint8_t {
  kOwn,       ///< Each replica has an address of its own.
  kFirst,     ///< Always the first one's.
  kRotating,  ///< The next one's each time.
  kSmallest,  ///< The one's that gets the least load.
  kEach,      ///< The first one's, and each one's under /pods/I/metrics.
  kRanks,     ///< One page of all, told apart by the label `engine`: data parallel ranks of one server.
};
/// "first", "rotating", "smallest", "each", "ranks"
Result<PageOf> parse_page_of(std::string_view text);

/// How the page lies; off by default.
struct PageConfig {
  PageOf of = PageOf::kOwn;  ///< Anything else puts all replicas behind the first one's address.
  Nanos age{};               ///< A scrape sees the page of so long ago.
  Nanos freeze_after{};      ///< From so long after the host's start the page stays as it is; 0: never.
  bool behind_one_address() const { return of != PageOf::kOwn; }
};

/// Deals the connections of one address to the servers behind it, and picks whose page is shown. Not
/// thread-safe.
class Pods {
 public:
  Pods(PageOf of, int count);
  /// Which server gets the next connection. With kSmallest the last one gets every (4 · count)th only.
  int next();
  /// Whose page the next scrape gets.
  int page();

 private:
  PageOf of_;
  int count_;
  std::uint64_t connections_ = 0, scrapes_ = 0;
};

/// Remembers pages, and shows an old one. Not thread-safe.
class PageHistory {
 public:
  PageHistory(const PageConfig& config, Nanos start) : config_(config), start_(start) {}
  bool on() const { return config_.age > Nanos(0) || config_.freeze_after > Nanos(0); }
  /// Keeps the page as it is now. To be called often; cheap where nothing is remembered.
  void remember(Nanos now, const std::function<std::string()>& render);
  /// What a scrape sees now.
  const std::string& shown(Nanos now);

 private:
  static constexpr Nanos kApart = std::chrono::milliseconds(200);

  PageConfig config_;
  Nanos start_;
  std::deque<std::pair<Nanos, std::string>> pages_;  // the first is the one to be shown
};

}  // namespace kneepoint::simhost
