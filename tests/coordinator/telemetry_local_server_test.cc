#include "coordinator/telemetry/local_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "coordinator/telemetry/endpoints.h"
#include "coordinator/telemetry/nvml.h"

namespace kneepoint::coordinator {
namespace {

using boost::asio::ip::tcp;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class LocalServers : public testing::Test {
 protected:
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  /// A child under a name, which lives until the test ends.
  int child(const char* name) {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    const int process = fork();
    if (process == 0) {
      prctl(PR_SET_NAME, name);
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const char done = 1;
      if (write(ready[1], &done, 1) != 1) _exit(1);
      for (;;) pause();
    }
    char done = 0;
    EXPECT_EQ(read(ready[0], &done, 1), 1);
    close(ready[0]);
    close(ready[1]);
    children_.push_back(process);
    return process;
  }

  ~LocalServers() override {
    for (const int process : children_) {
      kill(process, SIGKILL);
      waitpid(process, nullptr, 0);
    }
  }

 private:
  boost::asio::io_context context_;
  tcp::acceptor acceptor_{context_, {boost::asio::ip::address_v4::loopback(), 0}};
  std::vector<int> children_;
};

TEST_F(LocalServers, TheListenerAndWhatItStartedAreFound) {
  const int engine = child("VLLM::EngineCore");
  LocalServer server({port()});
  EXPECT_THAT(server.processes(), IsEmpty()) << "not looked yet";
  server.find();
  EXPECT_THAT(server.processes(), Contains(getpid()));
  EXPECT_THAT(server.processes(), Contains(engine));
  EXPECT_THAT(server.processes(), Not(Contains(getppid())));
  EXPECT_TRUE(server.engine_cpu());
}

TEST_F(LocalServers, AProxyHasNoEngine) {
  child("worker");
  LocalServer server({port()});
  server.find();
  EXPECT_FALSE(server.engine_cpu()) << "its own CPU is no engine's";
}

TEST_F(LocalServers, NobodyListensIsNobody) {
  LocalServer server({1});
  server.find();
  EXPECT_THAT(server.processes(), IsEmpty());
  EXPECT_FALSE(server.engine_cpu());
}

TEST(LocalPorts, AreThoseOfTargetsOnThisMachineOnly) {
  Target target;
  target.urls = {"http://127.0.0.1:8000/v1", "http://localhost:8001", "https://127.0.0.1"};
  EXPECT_THAT(local_ports(target), ElementsAre(443, 8000, 8001));
  target.urls.push_back("http://10.0.0.7:8000");
  EXPECT_THAT(local_ports(target), IsEmpty());
}

TEST(NvmlProcesses, MemoryOfTheServersOwn) {
  const auto nvml = Nvml::open(FAKE_NVML);
  ASSERT_TRUE(nvml);
  EXPECT_EQ(nvml->read({4711, 4713}).at(Signal::kGpuProcessMemory), 14e9);
  EXPECT_FALSE(nvml->read({1}).contains(Signal::kGpuProcessMemory));
  EXPECT_FALSE(nvml->read().contains(Signal::kGpuProcessMemory));
}

}  // namespace
}  // namespace kneepoint::coordinator
