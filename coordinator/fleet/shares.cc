#include "coordinator/fleet/shares.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <tuple>

namespace kneepoint::coordinator {
namespace {

/// Divided by 1 to 8, and with its doubles by 16, 32 … without a rest.
constexpr std::uint32_t kFewestShares = 840;
constexpr std::uint32_t kMostShares = kFewestShares << 10;
/// So many for each thread: none has more than 2 % more than another.
constexpr std::size_t kSharesOfThread = 64;

constexpr std::uint32_t kNobody = std::numeric_limits<std::uint32_t>::max();

std::size_t threads_of(const std::vector<ShareHolder>& holders) {
  std::size_t threads = 0;
  for (const ShareHolder& each : holders) threads += each.threads;
  return threads;
}

std::uint32_t share_count(std::size_t threads) {
  std::uint32_t count = kFewestShares;
  while (count < threads * kSharesOfThread && count < kMostShares) count *= 2;
  return count;
}

}  // namespace

ShareTable::ShareTable(std::size_t threads) : owners_(share_count(threads), Thread{kNobody, 0}) {}

ShareTable::ShareTable(const std::vector<ShareHolder>& there, std::size_t expected)
    : ShareTable(threads_of(there) * std::max(expected, there.size()) / there.size()) {}

void ShareTable::deal(const std::vector<ShareHolder>& holders) {
  if (holders == holders_) return;
  holders_ = holders;
  // Every agent's first thread before anybody's second: few slots go to many agents.
  std::vector<Thread> threads;
  std::uint32_t most = 0;
  for (const ShareHolder& each : holders) most = std::max(most, each.threads);
  for (std::uint32_t thread = 0; thread < most; ++thread) {
    for (const ShareHolder& each : holders) {
      if (thread < each.threads) threads.emplace_back(each.agent, thread);
    }
  }
  std::map<Thread, std::size_t> number;
  for (std::size_t i = 0; i < threads.size(); ++i) number[threads[i]] = i;

  struct Account {
    std::uint32_t has = 0, due = 0;
    std::uint32_t so_far = 0;            // of the shares looked at
    std::vector<std::uint32_t> to_come;  // of those it has, the next one last
  };
  std::vector<Account> accounts(threads.size());
  for (std::uint32_t share = shares(); share-- > 0;) {
    const auto found = number.find(owners_[share]);
    if (found == number.end()) continue;
    ++accounts[found->second].has;
    accounts[found->second].to_come.push_back(share);
  }
  // What cannot be divided stays with those that have most.
  std::vector<std::size_t> by_size(threads.size());
  std::iota(by_size.begin(), by_size.end(), 0);
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](std::size_t a, std::size_t b) { return accounts[a].has > accounts[b].has; });
  for (std::size_t i = 0; i < by_size.size(); ++i) {
    const bool one_more = i < owners_.size() % threads.size();
    accounts[by_size[i]].due =
        static_cast<std::uint32_t>(owners_.size() / threads.size()) + (one_more ? 1 : 0);
  }

  // Those that are to get more: first who has had the fewest so far, and of these who waits longest for his
  // next one.
  std::set<std::tuple<std::uint32_t, std::uint32_t, std::size_t>> receivers;
  const auto key = [&](std::size_t i) {
    const Account& account = accounts[i];
    const std::uint32_t next = account.to_come.empty() ? shares() : account.to_come.back();
    return std::tuple(account.so_far, shares() - next, i);
  };
  const auto wait = [&](std::size_t i) {
    if (accounts[i].has < accounts[i].due) receivers.insert(key(i));
  };
  for (std::size_t i = 0; i < accounts.size(); ++i) wait(i);
  for (Thread& owner : owners_) {
    const auto found = number.find(owner);
    Account* const giver = found == number.end() ? nullptr : &accounts[found->second];
    const bool gives = giver == nullptr || (giver->has > giver->due && !receivers.empty() &&
                                            giver->so_far > std::get<0>(*receivers.begin()));
    const std::size_t to = gives ? std::get<2>(*receivers.begin()) : found->second;
    receivers.erase(key(to));
    ++accounts[to].so_far;
    if (giver != nullptr) giver->to_come.pop_back();
    if (gives) {
      ++accounts[to].has;
      if (giver != nullptr) --giver->has;
      owner = threads[to];
    }
    wait(to);
  }

  held_.clear();
  for (std::uint32_t share = 0; share < shares(); ++share) held_[owners_[share]].push_back(share);
}

LoadLevel ShareTable::part(const LoadLevel& level, const ShareHolder& holder) const {
  LoadLevel part = level;
  part.shares = shares();
  part.held.resize(holder.threads);
  for (std::uint32_t thread = 0; thread < holder.threads; ++thread) {
    if (const auto found = held_.find({holder.agent, thread}); found != held_.end())
      part.held[thread] = found->second;
  }
  return part;
}

}  // namespace kneepoint::coordinator
