#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>

#include "tests/coordinator/fleet_fixture.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::string test_agent() {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "fleet_test_agent").string();
}

bool alive(pid_t pid) {
  return kill(pid, 0) == 0;
}

TEST(PrivateSocket, IsForThisUserOnlyAndLeavesNothing) {
  std::string path;
  {
    const auto socket = PrivateSocket::create();
    ASSERT_TRUE(socket);
    path = socket->address().substr(5);
    struct stat directory {};
    ASSERT_EQ(stat(std::filesystem::path(path).parent_path().c_str(), &directory), 0);
    EXPECT_EQ(directory.st_mode & 0777, 0700u);
  }
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(path).parent_path()));
}

TEST(PrivateSocket, WhatAKilledRunLeftIsRemovedByTheNext) {
  const auto living = PrivateSocket::create();
  ASSERT_TRUE(living);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto socket = PrivateSocket::create();
    const std::string address = socket ? socket->address() : "";
    if (write(ends[1], address.data(), address.size()) < 0) _exit(1);
    raise(SIGKILL);
  }
  char buffer[256];
  const ssize_t size = read(ends[0], buffer, sizeof(buffer));
  ASSERT_GT(size, 5);
  close(ends[0]);
  close(ends[1]);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  const auto left =
      std::filesystem::path(std::string(buffer + 5, static_cast<std::size_t>(size) - 5)).parent_path();
  ASSERT_TRUE(std::filesystem::exists(left)) << "the test shows nothing otherwise";
  const auto next = PrivateSocket::create();
  ASSERT_TRUE(next);
  EXPECT_FALSE(std::filesystem::exists(left));
  EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(living->address().substr(5)).parent_path()));
}

TEST_F(FleetTest, LocalAgentsRunAndEndWell) {
  listen();
  auto agents = LocalAgents::spawn({.program = test_agent(), .coordinator = unix_address(), .count = 2});
  ASSERT_TRUE(agents) << agents.error().message;
  assemble_and_start(2);
  EXPECT_EQ(fleet_->agent(0).name, "local-0");
  EXPECT_EQ(fleet_->agent(1).pid, static_cast<std::uint64_t>(agents->pids()[1]));
  fleet_->finish(true);
  ASSERT_TRUE(pump_until([&] { return agents->failure().has_value() || agents->pids().empty(); }));
  EXPECT_EQ(agents->failure(), std::nullopt);
}

TEST_F(FleetTest, AKilledLocalAgentIsLostAndNamed) {
  listen();
  auto agents = LocalAgents::spawn({.program = test_agent(), .coordinator = unix_address(), .count = 2});
  ASSERT_TRUE(agents);
  assemble_and_start(2);
  kill(agents->pids().at(1), SIGKILL);
  ASSERT_TRUE(pump_until([&] { return !lost_.empty() && agents->failure(); }));
  EXPECT_EQ(lost_[0].agent, 1u);
  EXPECT_EQ(agents->failure(), "local-1 was ended by signal 9");
}

TEST_F(FleetTest, LocalAgentsEndWithTheirOwner) {
  listen();
  std::vector<pid_t> pids;
  {
    auto agents = LocalAgents::spawn({.program = test_agent(), .coordinator = unix_address(), .count = 2});
    ASSERT_TRUE(agents);
    assemble_and_start(2);
    pids = agents->pids();
    for (const pid_t pid : pids) EXPECT_TRUE(alive(pid));
  }
  for (const pid_t pid : pids) EXPECT_FALSE(alive(pid));
}

TEST(LocalAgents, AProgramThatIsNotThereIsSaid) {
  const auto agents = LocalAgents::spawn({.program = "/nonexistent/agent", .coordinator = "unix:/s"});
  ASSERT_FALSE(agents);
  EXPECT_THAT(agents.error().message, HasSubstr("cannot start /nonexistent/agent"));
}

TEST(LocalAgents, DieWithACoordinatorThatSaysNothing) {
  // Orphans become this process's children, so that their end can be waited for.
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  FILE* abandoned = popen((test_agent() + " --abandon").c_str(), "r");
  ASSERT_NE(abandoned, nullptr);
  int pid = 0;
  ASSERT_EQ(fscanf(abandoned, "%d", &pid), 1);
  pclose(abandoned);
  // It would go on looking for its coordinator for a minute. The test's own limit bounds the wait.
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  // Killed by the kernel; or its parent had ended before it could ask for that, which it noticed.
  EXPECT_TRUE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
              (WIFEXITED(status) && WEXITSTATUS(status) == 5));
}

}  // namespace
}  // namespace kneepoint::coordinator
