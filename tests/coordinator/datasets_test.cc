#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "coordinator/datasets/dataset_file.h"
#include "coordinator/datasets/library.h"
#include "tests/coordinator/dataset_files.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

class Datasets : public DatasetFiles {
 protected:
  static std::vector<std::string> prompts(const Dataset& dataset) {
    std::vector<std::string> all;
    for (const DatasetEntry& entry : dataset.entries) all.push_back(entry.turns.at(0));
    return all;
  }
};

TEST_F(Datasets, JsonLines) {
  auto spec =
      file(DatasetFormat::kJsonLines,
           "\xEF\xBB\xBF{\"q\": \"什么?\", \"n\": 12, \"kind\": \"short\"}\r\n\n"
           "{\"q\": [\"one\", \"two\"], \"n\": 0, \"kind\": 7}\n"
           "{\"q\": [{\"role\": \"system\", \"content\": \"s\"}, {\"role\": \"user\", \"content\": \"u\"},"
           " {\"role\": \"assistant\", \"content\": \"a\"}], \"n\": 3, \"kind\": \"short\"}");
  spec.prompt = "q", spec.output_tokens = "n", spec.prompt_class = "kind";
  const Dataset dataset = read(spec);
  EXPECT_EQ(dataset.classes, (std::vector<std::string>{"short", "7"}));
  ASSERT_EQ(dataset.entries.size(), 3u);
  EXPECT_EQ(dataset.entries[0], (DatasetEntry{.prompt_class = 0, .turns = {"什么?"}, .output_tokens = 12}));
  EXPECT_EQ(dataset.entries[1],
            (DatasetEntry{.prompt_class = 1, .turns = {"one", "two"}, .output_tokens = 1}));
  EXPECT_EQ(dataset.entries[2].turns, std::vector<std::string>{"u"});
  spec.limit = 2;
  EXPECT_EQ(read(spec).entries.size(), 2u);
}

TEST_F(Datasets, JsonPointers) {
  auto spec = file(DatasetFormat::kJsonLines, R"({"data": {"items": ["x", "y"]}})");
  spec.prompt = "/data/items/1";
  EXPECT_EQ(prompts(read(spec)), std::vector<std::string>{"y"});
}

TEST_F(Datasets, JsonLinesComplainWithTheLine) {
  const auto complaint = [&](const std::string& text) {
    return error(file(DatasetFormat::kJsonLines, "{\"prompt\": \"a\"}\n\n" + text));
  };
  EXPECT_TRUE(complaint("{\"prompt\": ").starts_with("3: is no JSON: ")) << complaint("{\"prompt\": ");
  EXPECT_EQ(complaint("[1]"), "3: is not a JSON object");
  EXPECT_EQ(complaint("{\"promt\": \"a\", \"id\": 1}"), "3: has no 'prompt'; it has 'promt', 'id'");
  EXPECT_EQ(complaint("{\"prompt\": \"\"}"), "3: the prompt is empty");
  EXPECT_EQ(complaint("{\"prompt\": 1}"), "3: 'prompt' is neither a text nor a list of texts or messages");
  EXPECT_EQ(complaint("{\"prompt\": [{\"role\": \"assistant\", \"content\": \"a\"}]}"),
            "3: 'prompt' has nothing that a user says: no text in a message of role 'user'");
  EXPECT_EQ(complaint("{\"prompt\": [{\"content\": \"a\"}]}"),
            "3: a message of 'prompt' has no text as 'role'");
  EXPECT_EQ(complaint("{\"prompt\": [null]}"),
            "3: 'prompt' is neither a text nor a list of texts or messages");
  EXPECT_EQ(complaint("{\"prompt\": \"\xff\"}"), "3: is not UTF-8");
  EXPECT_EQ(error(file(DatasetFormat::kJsonLines, "\n")), " has no entries");
}

TEST_F(Datasets, OnlyWhatAUserSaysIsJudged) {
  auto spec = file(DatasetFormat::kJsonLines, R"({"prompt": [{"role": "user", "content": "a"},
     {"role": "assistant", "content": null, "tool_calls": [{"id": "1"}]}, {"role": "assistant"},
     {"role": "tool", "content": [1, {}]}, {"role": "developer", "content": {"x": 1}},
     {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
     {"role": "user", "content": null}, {"role": "user", "content": ""},
     {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "image_url"}, {"type": "text", "text": "c"}]},
     {"from": "human", "value": "d"}]})");
  std::string text;
  std::ifstream in(spec.path);
  for (std::string line; std::getline(in, line);) text += line;
  EXPECT_EQ(read(file(DatasetFormat::kJsonLines, text)).entries.at(0).turns,
            (std::vector<std::string>{"a", "b\nc", "d"}));
  EXPECT_EQ(
      prompts(read(file(DatasetFormat::kJsonLines,
                        R"({"prompt": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]})"))),
      std::vector<std::string>{"a\nb"});
}

TEST_F(Datasets, HalvesOfCharactersAreReplaced) {
  EXPECT_EQ(prompts(read(
                file(DatasetFormat::kJsonLines, R"({"prompt": "a\ud83d b\ude00\uD83D\uDE00 \\ud83d \\\ud83d"}
{"prompt": "\ud83d\ud83d\ude00"}
{"prompt": "ok", "other": "\udfff"})"))),
            (std::vector<std::string>{"a\xEF\xBF\xBD b\xEF\xBF\xBD\xF0\x9F\x98\x80 \\ud83d \\\xEF\xBF\xBD",
                                      "\xEF\xBF\xBD\xF0\x9F\x98\x80", "ok"}));
  EXPECT_EQ(prompts(read(file(DatasetFormat::kShareGpt,
                              R"([{"conversations": [{"from": "human", "value": "cut \ud83d"}]}])"))),
            std::vector<std::string>{"cut \xEF\xBF\xBD"});
}

TEST_F(Datasets, ALineThatEndsInsideAnEscapeIsNoJson) {
  for (const char* text : {"{\"prompt\": \"\\", "{\"prompt\": \"\\ud8", "{\"prompt\": \"\\ud83d"}) {
    EXPECT_TRUE(error(file(DatasetFormat::kJsonLines, text)).starts_with("1: is no JSON: ")) << text;
  }
}

TEST_F(Datasets, TheNameOfAClassPrints) {
  const auto named = [&](const std::string& name) {
    auto spec = file(DatasetFormat::kJsonLines, R"({"prompt": "a", "kind": )" + name + "}");
    spec.prompt_class = "kind";
    return spec;
  };
  EXPECT_EQ(error(named(R"("a\nb")")),
            "1: the name of a class holds U+000A, which does not print; take it out");
  EXPECT_EQ(error(named(R"("\u001b[31m")")),
            "1: the name of a class holds U+001B, which does not print; take it out");
  EXPECT_EQ(read(named("-1")).classes, std::vector<std::string>{"-1"});
}

TEST_F(Datasets, TooManyClassesAreAMistakenField) {
  std::string text;
  for (int i = 0; i < 33; ++i) text += "{\"prompt\": \"a\", \"id\": " + std::to_string(i) + "}\n";
  auto spec = file(DatasetFormat::kJsonLines, text);
  spec.prompt_class = "id";
  EXPECT_EQ(error(spec), "33: more than 32 classes; name a field with fewer values");
}

TEST_F(Datasets, Csv) {
  auto spec = file(DatasetFormat::kCsv,
                   "kind,prompt,tokens\r\n"
                   "a,\"say \"\"hi\"\",\nplease\",5\r\n"
                   "\r\n"
                   "b,plain,6");
  spec.output_tokens = "tokens", spec.prompt_class = "kind";
  const Dataset dataset = read(spec);
  EXPECT_EQ(dataset.classes, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(prompts(dataset), (std::vector<std::string>{"say \"hi\",\nplease", "plain"}));
  EXPECT_EQ(dataset.entries[1].output_tokens, 6u);
}

TEST_F(Datasets, CsvComplainsWithTheLine) {
  const auto complaint = [&](const std::string& text) { return error(file(DatasetFormat::kCsv, text)); };
  EXPECT_EQ(complaint(""), " is empty; its first line must name the columns");
  EXPECT_EQ(complaint("a,b\n1,2\n"), "1: has no column 'prompt'; it has 'a', 'b'");
  EXPECT_EQ(complaint("prompt,b\n\"x\ny\",2\nz\n"), "4: has 1 fields, the header 2");
  EXPECT_EQ(complaint("prompt\na\n\"b\n"), "3: a quote is opened and never closed");
  EXPECT_EQ(complaint("prompt\n\"a\"b\n"),
            "2: text follows a closing quote; double the quotes inside a field");
  auto spec = file(DatasetFormat::kCsv, "prompt,n\na,many\n");
  spec.output_tokens = "n";
  EXPECT_EQ(error(spec), "2: 'n' is not a whole number");
}

TEST_F(Datasets, ShareGpt) {
  const Dataset dataset = read(file(DatasetFormat::kShareGpt, R"([
    {"id": "1", "conversations": [{"from": "human", "value": "Hi\n\"you\""}, {"from": "gpt", "value": "Hello"},
                                  {"value": "More", "from": "human"}]},
    {"id": "2", "conversations": [{"from": "gpt", "value": "only me"}]},
    {"id": "3", "conversations": [{"from": "user", "value": "x"}]}
  ])"));
  ASSERT_EQ(dataset.entries.size(), 2u) << "a conversation in which nobody asks is left out";
  EXPECT_EQ(dataset.entries[0].turns, (std::vector<std::string>{"Hi\n\"you\"", "More"}));
  EXPECT_EQ(dataset.entries[1].turns, std::vector<std::string>{"x"});
}

TEST_F(Datasets, ShareGptOfWhichOnlyTheHumansTurnsAreJudged) {
  const Dataset dataset = read(file(DatasetFormat::kShareGpt, R"([
    {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": null}, {"from": "gpt"},
                       {"from": "function_call", "value": {"x": [1]}}, {"from": "human", "value": null},
                       {"from": "human", "value": [{"type": "text", "text": "b"}]}]},
    {"conversations": [{"role": "user", "content": "c"}, {"role": "assistant", "content": 7}]}
  ])"));
  ASSERT_EQ(dataset.entries.size(), 2u);
  EXPECT_EQ(dataset.entries[0].turns, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(dataset.entries[1].turns, std::vector<std::string>{"c"});
}

TEST_F(Datasets, ShareGptIsOneList) {
  const std::string list = R"([{"conversations": [{"from": "human", "value": "a"}]}])";
  EXPECT_EQ(error(file(DatasetFormat::kShareGpt, list + "\n" + list)),
            "2: something follows the list of conversations; make one list of all ('jq -s add')");
  auto spec = file(DatasetFormat::kShareGpt, list + "\n \n");
  EXPECT_EQ(read(spec).entries.size(), 1u);
}

TEST_F(Datasets, ShareGptComplains) {
  EXPECT_EQ(error(file(DatasetFormat::kShareGpt, "{}")), "1: is not a JSON list of conversations");
  const auto complaint = [&](const std::string& second) {
    return error(file(DatasetFormat::kShareGpt, "[\n{\"conversations\": []},\n" + second + "]"));
  };
  EXPECT_TRUE(complaint("{\"x\": 1}").starts_with("3: has no list 'conversations';"))
      << complaint("{\"x\": 1}");
  EXPECT_TRUE(complaint("7").starts_with("3: is no conversation but")) << complaint("7");
  EXPECT_TRUE(complaint("{\"conversations\": [{\"value\": \"a\"}]}")
                  .starts_with("3: has a message without a text as 'from';"));
  EXPECT_TRUE(complaint("{\"conversations\": [{\"from\": \"human\", \"value\": \"\\x\"}]}")
                  .starts_with("3: is no JSON: "));
}

TEST_F(Datasets, DelaysComeBeforeTheLaterTurns) {
  const auto delayed = [&](const std::string& delay) {
    auto spec = file(DatasetFormat::kJsonLines, R"({"prompt": ["a", "b", "c"], "wait": )" + delay + "}");
    spec.delay = "wait";
    return spec;
  };
  const Dataset dataset = read(delayed("[0.5, 40]"));
  EXPECT_EQ(dataset.entries.at(0).gaps, (std::vector<Nanos>{500ms, 40s}));
  EXPECT_FALSE(dataset.gaps_from_send);
  EXPECT_EQ(error(delayed("[1]")),
            "1: 'wait' has 1 gap, but there are 3 turns: one for each after the first");
  EXPECT_EQ(error(delayed("7")), "1: 'wait' is no list of seconds");
  EXPECT_EQ(error(delayed("[1, -1]")), "1: 'wait' has something else than seconds, 0 to 86400");
}

TEST_F(Datasets, OnlyFilesAreRead) {
  path_ = "/dev/zero";
  EXPECT_EQ(error({.path = path_}), " cannot be read; check the path and its permissions");
  path_ = folder_.string();
  EXPECT_EQ(error({.path = path_}), " cannot be read; check the path and its permissions");
}

TEST_F(Datasets, TheLibraryKeepsEachContentOnce) {
  file(DatasetFormat::kJsonLines, "{\"prompt\": \"a\"}\n{\"prompt\": \"b\"}\n");
  std::filesystem::copy(path_, folder_ / "copy");
  DatasetLibrary library(folder_);
  const auto first = library.get({.path = "data"});
  const auto copy = library.get({.path = "copy"});
  const auto shorter = library.get({.path = "data", .limit = 1});
  ASSERT_TRUE(first && copy && shorter);
  EXPECT_EQ(first->hash, copy->hash);
  EXPECT_EQ(first->dataset, copy->dataset);
  EXPECT_NE(first->hash, shorter->hash);
  EXPECT_EQ(library.datasets().size(), 2u);
  // As sha256sum tells, whatever was taken of it.
  const std::string sum = "9ed9578d1c5cceca1020efb99d4cf752dfe4035736e799fb8cb39c651c755d4c";
  EXPECT_EQ(library.files().at(first->hash).name, "data");
  EXPECT_EQ(library.files().at(first->hash).sha256, sum);
  EXPECT_EQ(library.files().at(shorter->hash).sha256, sum);
}

TEST_F(Datasets, BodiesKeepTheirBytesButForWhatTheSenderSets) {
  const auto spec =
      file(DatasetFormat::kBodies,
           "{\"model\": \"gpt-x\", \"messages\": [{\"role\":\"user\",\"content\": [{\"type\":\"image_url\", "
           "\"image_url\":{\"url\":\"data:image/png;base64,AA\\/B\"}}]}], \"stream\": false, "
           "\"temperature\": 1.50, "
           "\"stream_options\": {\"include_usage\": true}, \"max_completion_tokens\": 9}\n"
           "{\"input\": \"a\", \"stream\": true}\n");
  const Dataset dataset = read(spec);
  ASSERT_EQ(dataset.entries.size(), 2u);
  EXPECT_EQ(dataset.entries[0].turns.at(0),
            "\"messages\":[{\"role\":\"user\",\"content\": [{\"type\":\"image_url\", "
            "\"image_url\":{\"url\":\"data:image/png;base64,AA\\/B\"}}]}],\"temperature\":1.50,"
            "\"max_completion_tokens\":9}");
  EXPECT_EQ(dataset.entries[0].output_tokens, 9u);
  EXPECT_EQ(dataset.entries[1].turns.at(0), "\"input\":\"a\"}");
  EXPECT_EQ(dataset.entries[1].output_tokens, 0u);
}

TEST_F(Datasets, BadBodiesAreToldWithTheirLine) {
  EXPECT_EQ(error(file(DatasetFormat::kBodies, "{\"input\": 1}\n\n{\"prompt\": \"a\"")).substr(0, 22),
            "3: is no JSON object: ");
  EXPECT_EQ(error(file(DatasetFormat::kBodies, "{\"model\": \"m\"}")),
            "1: has none of 'messages', 'prompt', 'input' and 'contents': it is no request body");
  EXPECT_EQ(error(file(DatasetFormat::kBodies, "{\"messages\": []}")), "1: 'messages' is empty");
  EXPECT_EQ(error(file(DatasetFormat::kBodies, "{\"prompt\": \"a\", \"n\": 3}")),
            "1: 'n' is 3; one request is one answer here");
  EXPECT_EQ(error(file(DatasetFormat::kBodies, R"({"custom_id": "1", "body": {"input": "a"}})")),
            "1: has its request body in 'body'; 'jq -c .body' makes a file of bodies");
  EXPECT_EQ(error(file(DatasetFormat::kBodies, R"({"messages": "a"})")), "1: 'messages' is no list");
}

TEST_F(Datasets, ABodyThatMayHaveSeveralAnswersIsBad) {
  const auto complaint = [&](const std::string& body) { return error(file(DatasetFormat::kBodies, body)); };
  EXPECT_EQ(complaint(R"({"prompt": "a", "n": 2.0})"), "1: 'n' is 2.0; one request is one answer here");
  EXPECT_EQ(complaint(R"({"prompt": "a", "n": "2"})"), "1: 'n' is \"2\"; one request is one answer here");
  EXPECT_EQ(complaint(R"({"prompt": ["a", "b", "c"]})"),
            "1: 'prompt' is a list of 3; one request is one answer here: write a line for each");
  EXPECT_EQ(complaint(R"({"prompt": [[1, 2], [3]]})").substr(0, 24), "1: 'prompt' is a list of");
  for (const char* one :
       {R"({"prompt": [1, 2, 3], "n": 1})", R"({"prompt": ["a"], "n": null})", R"({"input": ["a", "b"]})"})
    EXPECT_EQ(complaint(one), "") << one;
}

TEST_F(Datasets, BadLinesMayBeLeftOut) {
  auto spec = file(DatasetFormat::kJsonLines,
                   "{\"prompt\": \"a\"}\nnonsense\n{\"prompt\": \"\xff\"}\n{\"prompt\": \"b\"}\n");
  EXPECT_EQ(error(spec).substr(0, 3), "3: ") << "what is no UTF-8 is found first";
  spec.skip_bad_lines = true;
  const auto found = read_dataset(spec);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(prompts(found->dataset), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(found->skipped, 2u);
  EXPECT_TRUE(found->first_skipped.starts_with(path_ + ":2: is no JSON: ")) << found->first_skipped;

  spec = file(DatasetFormat::kBurstGpt, "Timestamp,Request tokens,Response tokens\n5,x,3\n");
  spec.skip_bad_lines = true;
  const auto none = read_dataset(spec);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message, path_ + ": has no entries but bad lines");
}

// As LLaMA-Factory's data/README.md describes them ("sharegpt format").
TEST_F(Datasets, ShareGptWithAllRoles) {
  auto spec = file(DatasetFormat::kShareGpt,
                   R"([{"conversations": [
                     {"from": "system", "value": "Be brief."},
                     {"from": "human", "value": "Weather in Oslo?"},
                     {"from": "function_call", "value": "{\"name\": \"weather\"}"},
                     {"from": "observation", "value": "4 °C"},
                     {"from": "gpt", "value": "4 degrees."},
                     {"from": "human", "value": "Thanks"}]}])");
  spec.all_roles = true;
  const Dataset dataset = read(spec);
  ASSERT_EQ(dataset.entries.size(), 1u);
  EXPECT_EQ(
      dataset.entries[0].turns,
      (std::vector<std::string>{
          R"({"role":"system","content":"Be brief."},{"role":"user","content":"Weather in Oslo?"})",
          R"({"role":"assistant","content":"{\"name\": \"weather\"}"},{"role":"user","content":"4 °C"})",
          R"({"role":"assistant","content":"4 degrees."},{"role":"user","content":"Thanks"})"}));
}

// As OpenAI's API reference has the messages of "Create chat completion".
TEST_F(Datasets, LoggedMessagesAreSentAsTheyAre) {
  auto spec = file(
      DatasetFormat::kJsonLines,
      R"({"messages": [{"role":"developer","content":"d"},{"role":"user","content":[{"type":"text","text":"u"}]},)"
      R"({"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},)"
      R"({"role":"tool","tool_call_id":"c1","content":"4"},{"role":"assistant","content":"four"}]})");
  spec.prompt = "messages", spec.all_roles = true;
  const Dataset dataset = read(spec);
  ASSERT_EQ(dataset.entries.size(), 1u);
  EXPECT_EQ(
      dataset.entries[0].turns,
      (std::vector<std::string>{
          R"({"role":"developer","content":"d"},{"role":"user","content":[{"type":"text","text":"u"}]})",
          R"({"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"4"})"}))
      << "what follows the last question is no request";
  const auto complaint = [&](const std::string& messages) {
    auto bad = file(DatasetFormat::kJsonLines, "{\"messages\": " + messages + "}");
    bad.prompt = "messages", bad.all_roles = true;
    return error(bad);
  };
  EXPECT_EQ(complaint(R"("text")"), "1: has no list of messages; with roles: all, only chats are read");
  EXPECT_EQ(
      complaint(R"([{"role":"robot","content":"x"}])"),
      "1: has a message of the unknown role 'robot'; there are system, developer, user, assistant, tool "
      "and function");
  EXPECT_EQ(complaint(R"([{"role":"assistant","content":"x"}])"),
            "1: has nothing that is asked: no message of role 'user' or 'tool'");
}

// As the README of BurstGPT's repository has its files: a failure has no response tokens.

}  // namespace
}  // namespace kneepoint::coordinator
