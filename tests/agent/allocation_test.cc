// A binary of its own: it replaces operator new with a counting one.
#include <atomic>
#include <cstdlib>
#include <functional>
#include <new>

#include "engine_fixture.h"

namespace {
std::atomic<std::uint64_t> allocations{0};
}

#ifdef __SANITIZE_ADDRESS__
constexpr bool kCounting =
    false;  // AddressSanitizer's own operators must stay: it pairs them with each other
#else
constexpr bool kCounting = true;

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
#endif

namespace kneepoint::agent {
namespace {

/// Streams tokens at the test's command, one HTTP chunk in one write each.
class Allocations : public EngineTest {
 protected:
  std::uint64_t for_tokens(int tokens) {
    Gate go;
    // Made beforehand: the server's allocations are counted, too.
    std::vector<std::string> events;
    for (int i = 0; i < tokens; ++i) events.push_back(chunked(event(i)));
    ScriptedServer server([&](ScriptedServer::Peer& peer, int) {
      peer.read_request();
      peer.send(kStreamHead + chunked(kRoleEvent) + events[0]);
      go.wait();
      for (int i = 1; i < tokens; ++i) peer.send(events[i]);
      peer.send(chunked(kFinishEvent + kDoneEvent) + kLastChunk);
      peer.wait_for_close();
    });
    target().urls = {server.url()};
    start();
    controller_->apply({.epoch = 1, .concurrency = 1, .effective_at = elapsed(), .budget = 1});
    collect_until([&] { return gauges_.in_flight == 1; });
    const std::uint64_t before = allocations;
    go.open();
    wait_for_level(1);
    const std::uint64_t spent = allocations - before;
    EXPECT_EQ(collect_all().chunks, static_cast<std::uint64_t>(tokens));
    done_.clear();
    series_.clear();
    controller_.reset();
    return spent;
  }

  void expect_none_per_token() {
    if (!kCounting) GTEST_SKIP() << "operator new belongs to the sanitizer";
    for_tokens(100);  // warm up what the process allocates once
    const std::uint64_t few = for_tokens(1'000);
    const std::uint64_t many = for_tokens(20'000);
    // Growing logs and the seconds that pass cost some, tokens none.
    EXPECT_LT(many, few + 200) << "19,000 more tokens";
  }

  std::function<std::string(int)> event = [](int) { return delta("t"); };
};

TEST_F(Allocations, NonePerToken) {
  expect_none_per_token();
}

TEST_F(Allocations, NonePerTokenOfADescribedDialect) {
  DialectDescription dialect;
  dialect.path = dialect.answer_path = "/go";
  dialect.request = R"({"in":"{prompt}"})";
  dialect.done = "[DONE]";
  dialect.stream.text = {"/token/text"};
  dialect.stream.completion_tokens = {"/usage/out"};
  dialect.stream.finish = {"/choices/0/finish_reason"};
  dialect.answer = dialect.stream;
  target().api = Api::kCustom;
  target().dialect = dialect;
  // A number that no template foresees, so that every event is parsed.
  event = [](int i) {
    return "data: {\"id\":" + std::to_string(i) +
           ",\"token\":{\"text\":\"t\"},\"usage\":{\"out\":" + std::to_string(i + 1) + "}}\n\n";
  };
  expect_none_per_token();
}

}  // namespace
}  // namespace kneepoint::agent
