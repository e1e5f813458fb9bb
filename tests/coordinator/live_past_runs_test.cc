#include "coordinator/live/past_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>

#include "coordinator/report/json.h"
#include "tests/coordinator/sample_report.h"

namespace kneepoint::coordinator {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class PastRunsTest : public ::testing::Test {
 protected:
  PastRunsTest() {
    std::string pattern = (fs::temp_directory_path() / "past-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    fs::create_directory(root_ / "runs");
  }
  ~PastRunsTest() override { fs::remove_all(root_); }

  static void write(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void add_run(const std::string& name) {
    write(root_ / "runs" / name / "report.json", render_json(scenes::sample_report()));
    write(root_ / "runs" / name / "report.html", "<p>page of " + name);
  }
  static HttpRequest of(const std::string& query) { return {.path = "/report", .query = query}; }

  fs::path root_;
};

TEST_F(PastRunsTest, ListsTheNewestFirstWithWhatTheyCameTo) {
  PastRuns past(root_ / "runs");
  EXPECT_EQ(past.list(true).body, R"({"live":true,"left_out":0,"runs":[]})");
  add_run("monday");
  add_run("tuesday");
  fs::last_write_time(root_ / "runs/monday/report.json",
                      fs::file_time_type::clock::now() - std::chrono::hours(24));
  fs::create_directory(root_ / "runs" / "under-way");
  const std::string body = past.list(false).body;
  EXPECT_THAT(body, HasSubstr(R"({"live":false,)"));
  EXPECT_LT(body.find(R"("name":"tuesday")"), body.find(R"("name":"monday")"));
  EXPECT_THAT(body, HasSubstr("saturates"));
  EXPECT_THAT(body, Not(HasSubstr("under-way")));
  EXPECT_EQ(past.list(false).body, body);
  write(root_ / "runs/monday/report.json", "{}");
  EXPECT_THAT(past.list(false).body, HasSubstr("its report.json cannot be read"));
}

TEST_F(PastRunsTest, OpensAReportInASandbox) {
  add_run("monday");
  const HttpResponse page = PastRuns(root_ / "runs").report(of("run=monday"));
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, "<p>page of monday");
  EXPECT_THAT(page.policy, ::testing::StartsWith("sandbox allow-scripts"));
  EXPECT_THAT(page.policy, Not(HasSubstr("allow-same-origin")));
}

TEST_F(PastRunsTest, OpensAReportByTheRunsId) {
  add_run("monday");
  PastRuns past(root_ / "runs");
  EXPECT_EQ(past.report(of("id=" + scenes::sample_report().run_id)).body, "<p>page of monday");
  EXPECT_EQ(past.report(of("id=another")).status, 404);
  EXPECT_EQ(past.report(of("id=")).status, 404);
  EXPECT_EQ(past.report(of("id=another&run=monday")).status, 400);
}

TEST_F(PastRunsTest, NothingBesideTheRunsIsRead) {
  add_run("monday");
  write(root_ / "secret" / "report.html", "secret");
  write(root_ / "secret" / "report.json", render_json(scenes::sample_report()));
  fs::create_directory_symlink(root_ / "secret", root_ / "runs/latest");
  fs::create_directories(root_ / "runs/linked");
  fs::create_symlink(root_ / "secret/report.html", root_ / "runs/linked/report.html");
  fs::create_symlink(root_ / "secret/report.json", root_ / "runs/linked/report.json");
  fs::create_directories(root_ / "runs/piped");
  ASSERT_EQ(mkfifo((root_ / "runs/piped/report.html").c_str(), 0600), 0);
  ASSERT_EQ(mkfifo((root_ / "runs/piped/report.json").c_str(), 0600), 0);
  PastRuns past(root_ / "runs");
  for (const char* query :
       {"run=../secret", "run=..%2Fsecret", "run=latest", "run=linked", "run=piped", "run=.", "run=..",
        "run=", "run=monday%2F..%2F..%2Fsecret", "run=monday%00", "run=/etc"})
    EXPECT_EQ(past.report(of(query)).status, 404) << query;
  EXPECT_EQ(past.report(of("")).status, 400);
  EXPECT_EQ(past.compare(of("run=monday&run=..%2Fsecret")).status, 404);
  EXPECT_EQ(past.compare(of("run=monday&run=linked")).status, 404);
  EXPECT_THAT(past.list(false).body, Not(HasSubstr("linked")));
  EXPECT_THAT(past.list(false).body, Not(HasSubstr("latest")));
}

TEST_F(PastRunsTest, ComparesTwoToSix) {
  add_run("monday");
  add_run("tuesday");
  PastRuns past(root_ / "runs");
  const HttpResponse page = past.compare(of("run=monday&run=tuesday"));
  EXPECT_EQ(page.status, 200) << page.body;
  EXPECT_THAT(page.body, HasSubstr("tuesday"));
  EXPECT_FALSE(page.policy.empty());
  EXPECT_EQ(past.compare(of("run=monday")).status, 400);
  EXPECT_EQ(past.compare(of("run=a&run=b&run=c&run=d&run=e&run=f&run=g")).status, 400);
}

}  // namespace
}  // namespace kneepoint::coordinator
