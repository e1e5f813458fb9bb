#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/dataset.h"
#include "tests/coordinator/fleet_fixture.h"
#include "tests/support/levels.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using agent::ExitCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(FleetTest, ARunFromAssemblyToACleanFinish) {
  listen();
  TestAgent b(tcp_address(), "b");
  TestAgent a(unix_address(), "a");
  assemble_and_start(2);
  ASSERT_EQ(fleet_->agents(), 2u);
  EXPECT_EQ(fleet_->agent(0).name, "a") << "numbered by name, not by arrival";
  EXPECT_EQ(fleet_->agent(1).name, "b");

  fleet_->send({.epoch = 1, .concurrency = 5});
  for (auto* agent : {&a, &b}) {
    ASSERT_TRUE(agent->log->wait_for([](const auto& state) { return !state.levels.empty(); }));
  }
  const auto slots_below_5 = [](TestAgent& agent) {
    const LoadLevel level = agent.log->read().levels[0];
    EXPECT_EQ(level.epoch, 1u);
    EXPECT_EQ(level.concurrency, 5u);
    return slots_below(level, 5);
  };
  EXPECT_THAT(slots_below_5(a), ElementsAre(0, 2, 4));
  EXPECT_THAT(slots_below_5(b), ElementsAre(1, 3));
  ASSERT_TRUE(pump_until([&] { return batches_[0].size() >= 3 && batches_[1].size() >= 3; }));
  EXPECT_FALSE(fleet_->drained());

  fleet_->drain(7s);
  ASSERT_TRUE(pump_until([&] { return fleet_->drained(); }));
  EXPECT_EQ(a.log->read().drains.at(0), 7s);
  fleet_->finish(true);
  EXPECT_EQ(a.end().code, ExitCode::kDone);
  EXPECT_EQ(b.end().code, ExitCode::kDone);

  for (std::uint32_t agent : {0u, 1u}) {
    for (std::size_t i = 0; i < batches_[agent].size(); ++i) EXPECT_EQ(batches_[agent][i], i + 1);
  }
  EXPECT_TRUE(lost_.empty());
}

TEST_F(FleetTest, EveryAgentGetsTheZeroOfItsOwnClock) {
  listen();
  TestAgent a(unix_address(), "a");
  TestAgent b(tcp_address(), "b");
  const MonoTime before = SystemClock().now();
  assemble_and_start(2);
  EXPECT_GT(fleet_->zero(), before);
  for (std::uint32_t i : {0u, 1u}) {
    const ClockEstimate clock = fleet_->agent(i).clock;
    // All clocks are one here, so the true offset is 0.
    EXPECT_GT(clock.round_trip, 0ns);
    EXPECT_LE(std::chrono::abs(clock.offset), clock.round_trip / 2 + 1ns);
    auto& log = i == 0 ? *a.log : *b.log;
    EXPECT_EQ(log.read().assignment.zero, fleet_->zero() + clock.offset);
  }
}

/// An assignment whose cell names a dataset of several pieces.
Assignment with_dataset(Assignment assignment) {
  Dataset dataset{.classes = {"default"}, .entries = {}};
  for (int i = 0; i < 200'000; ++i) dataset.entries.push_back({.turns = {"prompt " + std::to_string(i)}});
  const std::string bytes = to_bytes(dataset);
  EXPECT_GT(bytes.size(), 2 * kDatasetChunkBytes);
  const std::string hash = content_hash(bytes);
  assignment.cells[0].workload.dataset = DatasetUse{.hash = hash, .bytes = bytes.size()};
  assignment.datasets[hash] = std::make_shared<const Dataset>(std::move(dataset));
  return assignment;
}

TEST_F(FleetTest, AgentsFetchTheDatasetsOfTheirAssignment) {
  listen();
  TestAgent a(unix_address(), "a");
  TestAgent b(tcp_address(), "b");
  ASSERT_TRUE(fleet_->assemble({2}, kLimit));
  const Assignment sent = with_dataset(assignment());
  const auto started = fleet_->start(sent);
  ASSERT_TRUE(started) << started.error().message;
  for (auto* agent : {&a, &b}) {
    const auto state = agent->log->read();
    EXPECT_EQ(state.made, 1);
    ASSERT_EQ(state.assignment.datasets.size(), 1u);
    EXPECT_EQ(*state.assignment.datasets.begin()->second, *sent.datasets.begin()->second);
  }
}

TEST_F(FleetTest, ADatasetThatTheCoordinatorDoesNotHaveIsARefusal) {
  listen();
  TestAgent a(unix_address(), "a");
  ASSERT_TRUE(fleet_->assemble({1}, kLimit));
  Assignment sent = with_dataset(assignment());
  sent.datasets.clear();
  const auto started = fleet_->start(sent);
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("instead of"));
  EXPECT_EQ(a.end().code, ExitCode::kUsage);
}

TEST_F(FleetTest, AFleetThatDoesNotAssembleSaysWhoCame) {
  listen();
  TestAgent a(unix_address(), "only-one");
  std::vector<std::string> joined;
  const auto result = fleet_->assemble(
      {1}, kLimit, {}, [&](const AgentInfo& info, std::size_t) { joined.push_back(info.name); });
  ASSERT_TRUE(result);
  EXPECT_THAT(joined, testing::ElementsAre("only-one"));

  auto lonely = Fleet::listen({.listen = {"127.0.0.1:0"}});
  ASSERT_TRUE(lonely);
  const auto late = (*lonely)->assemble({2}, 1ms);
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().message, HasSubstr("none of 2 agents came"));
}

TEST_F(FleetTest, AgentsThatJoinedAreHeldForAsLongAsItTakes) {
  listen();
  TestAgent a(unix_address(), "a", {.join_timeout = 100ms});
  ASSERT_TRUE(fleet_->assemble({1}, kLimit));
  const auto held = fleet_->hold(300ms);
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_FALSE(a.ended());
  EXPECT_TRUE(fleet_->start(assignment()));
}

TEST_F(FleetTest, AnAgentThatLeavesBeforeTheStartIsNoticed) {
  listen();
  TestAgent a(unix_address(), "a");
  TestAgent b(tcp_address(), "b");
  ASSERT_TRUE(fleet_->assemble({2}, kLimit));
  b.stop();
  const auto deadline = SystemClock().now() + kLimit;
  Result<void> held;
  while (held && SystemClock().now() < deadline) held = fleet_->hold(10ms);
  ASSERT_FALSE(held);
  EXPECT_THAT(held.error().message, HasSubstr("agent b: "));
}

TEST_F(FleetTest, AssemblyStopsWhenTheCheckFails) {
  listen();
  const auto result = fleet_->assemble({1}, kLimit, [] { return Result<void>(Error{"interrupted"}); });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "interrupted");
}

TEST_F(FleetTest, AnAgentBeyondTheQuorumOrWithAUsedNameIsTurnedAway) {
  listen();
  TestAgent first(unix_address(), "same");
  ASSERT_TRUE(fleet_->assemble({1}, kLimit));
  ASSERT_TRUE(fleet_->start(assignment()));
  TestAgent second(unix_address(), "same");
  TestAgent third(unix_address(), "other");
  ASSERT_TRUE(pump_until([&] { return second.ended() && third.ended() && batches_[0].size() >= 3; }));
  EXPECT_EQ(second.end().code, ExitCode::kFleet);
  EXPECT_THAT(third.end().reason, HasSubstr("complete"));
  EXPECT_TRUE(lost_.empty()) << "the one that was there first goes on";
  EXPECT_EQ(fleet_->agents(), 1u);
}

TEST_F(FleetTest, ABudgetIsDoneWhenEveryAgentIs) {
  listen();
  TestAgent a(unix_address(), "a");
  TestAgent b(unix_address(), "b");
  assemble_and_start(2);
  fleet_->send({.epoch = 9, .concurrency = 1, .effective_at = 200ms, .budget = 10});
  ASSERT_TRUE(pump_until([&] { return finished_.size() >= 2 && batches_[1].size() >= 3; }));
  ASSERT_EQ(finished_.size(), 2u)
      << "b has no slot: it is done at once, and what it says itself does not count";
  std::sort(finished_.begin(), finished_.end(), [](auto& x, auto& y) { return x.agent < y.agent; });
  EXPECT_EQ(finished_[0].finished_at, 300ms);
  EXPECT_EQ(finished_[1].finished_at, 200ms);
  EXPECT_EQ(finished_[1].epoch, 9u);
}

TEST_F(FleetTest, AMissingSecretRefusesTheRun) {
  listen();
  TestAgent a(unix_address(), "a", {.permissions = {.secrets = {"KNEEPOINT_TEST_ABSENT_KEY"}}});
  ASSERT_TRUE(fleet_->assemble({1}, kLimit));
  Assignment assignment = this->assignment();
  assignment.targets[0].auth = {SecretRef::Source::kEnvironment, "KNEEPOINT_TEST_ABSENT_KEY"};
  const auto started = fleet_->start(assignment);
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("agent a"));
  EXPECT_THAT(started.error().message, HasSubstr("KNEEPOINT_TEST_ABSENT_KEY is not set"));
  EXPECT_EQ(a.end().code, ExitCode::kUsage);
  EXPECT_EQ(a.log->read().made, 0);
}

TEST_F(FleetTest, SecretsAreResolvedOnTheAgent) {
  listen();
  setenv("KNEEPOINT_TEST_KEY", "k-123", 1);
  TestAgent a(unix_address(), "a", {.permissions = {.secrets = {"KNEEPOINT_TEST_KEY"}}});
  ASSERT_TRUE(fleet_->assemble({1}, kLimit));
  Assignment assignment = this->assignment();
  assignment.targets[0].auth = {SecretRef::Source::kEnvironment, "KNEEPOINT_TEST_KEY"};
  assignment.targets.push_back({.name = "open", .urls = {"http://127.0.0.1:2"}});
  ASSERT_TRUE(fleet_->start(assignment));
  EXPECT_THAT(a.log->read().keys, testing::ElementsAre(Keys{"k-123"}, Keys{}));
}

TEST_F(FleetTest, ASecretThatTheAgentDoesNotAllowRefusesTheRun) {
  listen();
  setenv("KNEEPOINT_TEST_KEY", "k-123", 1);
  TestAgent a(unix_address(), "a", {.permissions = {.secrets = {"KNEEPOINT_TEST_OTHER"}}});
  ASSERT_TRUE(fleet_->assemble({1}, kLimit));
  Assignment assignment = this->assignment();
  assignment.targets[0].auth = {SecretRef::Source::kEnvironment, "KNEEPOINT_TEST_KEY"};
  const auto started = fleet_->start(assignment);
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("--allow-secret KNEEPOINT_TEST_KEY"));
  EXPECT_EQ(a.end().code, ExitCode::kUsage);
}

TEST_F(FleetTest, ALevelAboveAnAgentsCapIsRefusedAndNotLoaded) {
  listen();
  TestAgent a(unix_address(), "a", {.permissions = {.caps = {.max_streams = 4}}});
  assemble_and_start(1);
  fleet_->send({.epoch = 1, .concurrency = 4});
  fleet_->send({.epoch = 2, .concurrency = 5});
  ASSERT_TRUE(pump_until([&] { return !lost_.empty(); }));
  EXPECT_THAT(lost_[0].reason, HasSubstr("--max-streams"));
  EXPECT_EQ(a.end().code, ExitCode::kUsage);
}

TEST_F(FleetTest, AnAgentToldToStopHandsOverItsRest) {
  listen();
  TestAgent a(unix_address(), "a");
  assemble_and_start(1);
  fleet_->send({.epoch = 1, .concurrency = 5});
  ASSERT_TRUE(pump_until([&] { return batches_[0].size() >= 2; }));
  a.stop();
  ASSERT_TRUE(pump_until([&] { return !lost_.empty() && fleet_->drained(); }));
  EXPECT_THAT(lost_[0].reason, HasSubstr("told to stop"));
  EXPECT_EQ(a.end().code, ExitCode::kInterrupted);
  EXPECT_EQ(requests_[0], static_cast<std::uint64_t>(a.log->read().collected));
}

TEST_F(FleetTest, AnUnfinishedRunIsNotADoneOne) {
  listen();
  TestAgent a(unix_address(), "a");
  assemble_and_start(1);
  fleet_->finish(false, "interrupted");
  EXPECT_EQ(a.end().code, ExitCode::kFleet);
}

TEST_F(FleetTest, AnEndForGoodIsToldAtOnceAlsoToThoseWhoComeLater) {
  listen();
  TestAgent a(unix_address(), "a");
  assemble_and_start(1);
  fleet_->finish({.reason = "a guard rail", .final = true});
  EXPECT_EQ(a.end().code, ExitCode::kOver);
  TestAgent b(unix_address(), "b");
  TestAgent c(tcp_address(), "c");
  fleet_->see_off(3, kLimit);
  EXPECT_EQ(b.end().code, ExitCode::kOver);
  EXPECT_EQ(c.end().code, ExitCode::kOver);
}

TEST_F(FleetTest, WhoComesAfterACompleteRunHasNothingToDo) {
  listen();
  fleet_->finish(true);
  TestAgent late(unix_address(), "late");
  fleet_->see_off(1, kLimit);
  EXPECT_EQ(late.end().code, ExitCode::kDone);
}

TEST(FleetListen, RefusesWhatItShouldNotOrCannotListenOn) {
  const auto open = Fleet::listen({.listen = {"0.0.0.0:0"}});
  ASSERT_FALSE(open);
  EXPECT_THAT(open.error().message, HasSubstr("--insecure"));
  EXPECT_TRUE(Fleet::listen({.listen = {"0.0.0.0:0"}, .insecure = true}));

  const auto first = Fleet::listen({.listen = {"127.0.0.1:0"}});
  ASSERT_TRUE(first);
  const auto second = Fleet::listen({.listen = {(*first)->addresses()[0]}});
  ASSERT_FALSE(second) << "two coordinators on one port would share its agents";
  EXPECT_THAT(second.error().message, HasSubstr((*first)->addresses()[0]));
}

TEST(FleetListen, AUnixSocketIsNotTakenOverButOneLeftBehindIs) {
  const auto place = PrivateSocket::create();
  ASSERT_TRUE(place);
  {
    const auto first = Fleet::listen({.listen = {place->address()}});
    ASSERT_TRUE(first);
    const auto second = Fleet::listen({.listen = {place->address()}});
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, HasSubstr("another coordinator does"));
    TestAgent a(place->address(), "a");
    EXPECT_TRUE((*first)->assemble({1}, 10s)) << "the first one is still the one that answers";
  }
  // A coordinator that was killed leaves its socket.
  const std::string path = place->address().substr(5);
  const int left = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(left, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  close(left);
  EXPECT_TRUE(Fleet::listen({.listen = {place->address()}}));
  EXPECT_FALSE(std::filesystem::exists(path)) << "nothing stays";
  std::ofstream(path) << "somebody's file";
  const auto over = Fleet::listen({.listen = {place->address()}});
  ASSERT_FALSE(over);
  EXPECT_TRUE(std::filesystem::exists(path)) << "and nothing of others is removed";
  std::filesystem::remove(path);
}

/// Lowers the limit of open files for a while.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t most) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit few = before_;
    few.rlim_cur = most;
    setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(FleetTest, AFloodOfConnectionsLeavesTheFleetReachable) {
  listen();
  const FewDescriptors few(120);
  const std::uint16_t port = parse_endpoint(tcp_address())->port;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // Both ends are this process's, so that it runs out of descriptors at about the fortieth.
  std::vector<int> flood;
  for (;;) {
    const int one = socket(AF_INET, SOCK_STREAM, 0);
    if (one < 0) break;
    flood.push_back(one);
    if (connect(one, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) break;
  }
  EXPECT_GT(flood.size(), 20u);
  for (const int one : flood) close(one);
  TestAgent a(tcp_address(), "a");
  EXPECT_TRUE(fleet_->assemble({1}, kLimit)) << "the port is alive";
}

TEST(AgentSession, GivesUpWhereNobodyListens) {
  agent::AgentSession::Options options{.join_timeout = 100ms};
  TestAgent a("unix:/nonexistent/kneepoint.sock", "a", options);
  const auto end = a.end();
  EXPECT_EQ(end.code, ExitCode::kNoCoordinator);
  EXPECT_THAT(end.reason, HasSubstr("no coordinator at unix:/nonexistent/kneepoint.sock"));
}

TEST(AgentSession, FindsACoordinatorThatComesLater) {
  const auto socket = PrivateSocket::create();
  ASSERT_TRUE(socket);
  TestAgent a(socket->address(), "early");
  auto fleet = Fleet::listen({.listen = {socket->address()}});
  ASSERT_TRUE(fleet);
  EXPECT_TRUE((*fleet)->assemble({1}, 10s));
}

}  // namespace
}  // namespace kneepoint::coordinator
