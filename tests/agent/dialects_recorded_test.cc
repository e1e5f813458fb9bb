// Every answer in recorded/ means what its header says, however the network cuts it: through the HTTP parser,
// the framing and the dialect that a request goes through.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "agent/http/http_response.h"
#include "common/dialects/dialect.h"
#include "common/dialects/event_framing.h"
#include "coordinator/plan/plan_loader.h"
#include "tests/common/dialects_meaning.h"

namespace kneepoint::agent {
namespace {

const std::filesystem::path kRecorded =
    std::filesystem::path(KNEEPOINT_SOURCE_DIR) / "tests" / "agent" / "recorded";

/// One file of recorded/: `#` lines of provenance, `key: value` lines, `---`, the body.
struct Recording {
  std::map<std::string, std::string> header;
  std::string body;

  std::string get(const std::string& key) const {
    const auto found = header.find(key);
    return found == header.end() ? std::string() : found->second;
  }
  bool streamed() const { return get("streamed") != "no"; }
};

Recording read_recording(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  Recording recording;
  for (std::string line; std::getline(in, line) && line != "---";) {
    if (line.starts_with('#')) continue;
    const std::size_t colon = line.find(':');
    const std::size_t value = std::min(colon + 2, line.size());
    recording.header[line.substr(0, colon)] = line.substr(value);
  }
  std::ostringstream rest;
  rest << in.rdbuf();
  recording.body = rest.str();
  return recording;
}

/// The target that a plan with this dialect describes; its own, or one of the ready descriptions.
Target target_of(const std::string& dialect) {
  const bool described = dialect.ends_with(".yaml");
  const std::string plan_text =
      "kneepoint: 1\ntargets:\n  - {name: host, url: \"http://127.0.0.1:1\", model: m, " +
      (described ? "api: custom, dialect: " + dialect : "api: " + dialect) +
      "}\nscenarios:\n  - {name: s, workload: {prompts: [x]}, ramp: {steps: [1]}}\n";
  const auto plan = coordinator::parse_plan(plan_text, KNEEPOINT_SOURCE_DIR "/configs/plan.yaml", {});
  EXPECT_TRUE(plan) << (plan ? "" : plan.error().message);
  return plan ? plan->targets.at(0) : Target();
}

std::unique_ptr<Dialect> dialect_of(const Recording& recording) {
  Workload workload;
  workload.stream = recording.streamed();
  return *make_dialect(target_of(recording.get("dialect")), workload);
}

/// As an HTTP server sends it: a stream in one chunk per event, an answer with its length.
std::string http(const Recording& recording) {
  if (!recording.streamed()) {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(recording.body.size()) + "\r\n\r\n" + recording.body;
  }
  std::string text =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string end = recording.body.starts_with("data:") ? "\n\n" : "\n";
  for (std::size_t at = 0; at < recording.body.size();) {
    const std::size_t next =
        std::min(recording.body.find(end, at), recording.body.size() - end.size()) + end.size();
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", next - at);
    text += size + recording.body.substr(at, next - at) + "\r\n";
    at = next;
  }
  return text + "0\r\n\r\n";
}

/// What is left of a request's answer.
struct Heard {
  std::vector<std::string> meanings;
  std::uint64_t chunks = 0;
  std::uint64_t tokens = 0;
};

/// Reads an answer the way CompletionStream does.
class Listener {
 public:
  Listener(const Recording& recording, Dialect& dialect) : recording_(recording), dialect_(dialect) {
    memory_ = dialect.begin_stream({.system = "", .text = prompt_ = recording.get("prompt")});
  }

  /// One read; the piece is gone afterwards.
  void hear(std::string_view piece) {
    std::string buffer(piece);
    buffer.append(kPadding, '!');
    std::string_view input(buffer.data(), piece.size());
    while (true) {
      switch (http_.next(input)) {
        case HttpResponse::Event::kNeedMore:
          return;
        case HttpResponse::Event::kHeaders:
          break;
        case HttpResponse::Event::kBody:
          take(http_.body());
          break;
        case HttpResponse::Event::kEnd:
          finish();
          return;
        case HttpResponse::Event::kError:
          FAIL() << "not HTTP";
      }
    }
  }

  const Heard& heard() const { return heard_; }
  bool ended() const { return ended_; }

 private:
  void take(std::string_view body) {
    if (!recording_.streamed()) {
      whole_.append(body);
    } else if (dialect_.framing() == Framing::kServerSentEvents) {
      while (sse_.next(body) == EventStatus::kEvent) server_sent();
    } else {
      while (lines_.next(body) == EventStatus::kEvent) event(lines_.data());
    }
  }

  void finish() {
    ended_ = true;
    Chunk chunk;
    if (!recording_.streamed()) {
      whole_.reserve(whole_.size() + kPadding);
      note(dialect_.read_answer(whole_, memory_, chunk), chunk);
    } else if (dialect_.framing() == Framing::kServerSentEvents) {
      if (sse_.finish() == EventStatus::kEvent) server_sent();
    } else if (lines_.finish() == EventStatus::kEvent) {
      event(lines_.data());
    }
  }

  void server_sent() {
    if (sse_.type() == "error") {
      heard_.meanings.push_back("error");
    } else if (!is_heartbeat(sse_.type()) || sse_.type().empty()) {
      event(sse_.data());
    }
  }

  void event(std::string_view data) {
    Chunk chunk;
    if (is_heartbeat(data)) return;
    note(dialect_.read_event(data, memory_, chunk), chunk);
  }

  void note(bool well_formed, const Chunk& chunk) {
    heard_.meanings.push_back(well_formed ? describe(chunk) : "malformed");
    if (chunk.content()) ++heard_.chunks;
    heard_.tokens = std::max(heard_.tokens, chunk.completion_tokens.value_or(0));
  }

  const Recording& recording_;
  Dialect& dialect_;
  std::string prompt_;
  StreamMemory memory_;
  HttpResponse http_;
  SseParser sse_;
  LineParser lines_;
  std::string whole_;
  Heard heard_;
  bool ended_ = false;
};

Heard listen(const Recording& recording, Dialect& dialect, const std::vector<std::string_view>& pieces) {
  Listener listener(recording, dialect);
  for (const std::string_view piece : pieces) listener.hear(piece);
  EXPECT_TRUE(listener.ended());
  return listener.heard();
}

/// "a | b || c" as {"a", "b", "", "c"}.
std::vector<std::string> split_meaning(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, '|');) {
    part.erase(0, part.find_first_not_of(' ') == part.npos ? part.size() : part.find_first_not_of(' '));
    part.erase(part.find_last_not_of(' ') + 1);
    parts.push_back(part);
  }
  return parts;
}

class Recorded : public testing::TestWithParam<std::string> {};

TEST_P(Recorded, MeansWhatItsHeaderSaysHoweverItIsCut) {
  const Recording recording = read_recording(kRecorded / GetParam());
  ASSERT_FALSE(recording.body.empty());
  const auto dialect = dialect_of(recording);
  const std::string bytes = http(recording);

  const Heard whole = listen(recording, *dialect, {bytes});
  EXPECT_EQ(whole.meanings, split_meaning(recording.get("meaning")));
  EXPECT_EQ(whole.chunks, recording.streamed() ? std::stoul(recording.get("chunks")) : 1);
  EXPECT_EQ(whole.tokens, recording.get("tokens").empty() ? 0 : std::stoul(recording.get("tokens")));

  std::vector<std::string_view> single;
  for (std::size_t i = 0; i < bytes.size(); ++i) single.push_back(std::string_view(bytes).substr(i, 1));
  EXPECT_EQ(listen(recording, *dialect, single).meanings, whole.meanings) << "byte by byte";
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    const std::string_view all = bytes;
    ASSERT_EQ(listen(recording, *dialect, {all.substr(0, i), all.substr(i)}).meanings, whole.meanings)
        << "cut before byte " << i;
  }
}

/// Half an answer must never read as a whole one.
TEST_P(Recorded, NoTruncatedDocumentIsWellFormed) {
  const Recording recording = read_recording(kRecorded / GetParam());
  const auto dialect = dialect_of(recording);
  const std::size_t open = recording.body.find('{');
  const std::string document = recording.body.substr(open, recording.body.find('\n', open) - open);
  const auto reads = [&](std::string text) {
    text.reserve(text.size() + kPadding);
    Chunk chunk;
    StreamMemory memory = dialect->begin_stream({});
    return recording.streamed() ? dialect->read_event(text, memory, chunk)
                                : dialect->read_answer(text, memory, chunk);
  };
  ASSERT_TRUE(reads(document));
  for (std::size_t n = 0; n < document.size(); ++n) EXPECT_FALSE(reads(document.substr(0, n))) << n;
}

std::vector<std::string> recordings() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kRecorded))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param.substr(0, info.param.find('.'));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Answers, Recorded, testing::ValuesIn(recordings()), test_name);

}  // namespace
}  // namespace kneepoint::agent
