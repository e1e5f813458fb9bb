#include "coordinator/datasets/logged_messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "common/request_json.h"
#include "coordinator/datasets/collector.h"

namespace kneepoint::coordinator {
namespace {

namespace dom = simdjson::dom;

constexpr std::array<std::string_view, 6> kRoles = {"system",    "developer", "user",
                                                    "assistant", "tool",      "function"};
/// What ShareGPT's files call them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kShareGptRoles = {
    {{"human", "user"},
     {"user", "user"},
     {"gpt", "assistant"},
     {"chatgpt", "assistant"},
     {"bing", "assistant"},
     {"assistant", "assistant"},
     {"function_call", "assistant"},
     {"observation", "user"},
     {"system", "system"}}};

struct Message {
  std::string_view role;
  std::string json;
};

Message message_of(dom::element item, std::size_t line) {
  dom::object message;
  std::string_view role, from, value;
  if (item.get(message)) throw DatasetError{line, "has a message that is no object"};
  if (!message["role"].get(role)) {
    const auto known = std::find(kRoles.begin(), kRoles.end(), role);
    if (known == kRoles.end())
      throw DatasetError{line, fmt::format("has a message of the unknown role '{}'; there are {}", role,
                                           "system, developer, user, assistant, tool and function")};
    return {*known, simdjson::minify(item)};
  }
  if (message["from"].get(from)) throw DatasetError{line, "has a message without a text as 'role' or 'from'"};
  if (message["value"].get(value)) throw DatasetError{line, "has a message without a text as 'value'"};
  const auto known = std::find_if(kShareGptRoles.begin(), kShareGptRoles.end(),
                                  [&](const auto& row) { return row.first == from; });
  if (known == kShareGptRoles.end())
    throw DatasetError{line, fmt::format("has a message from the unknown '{}'; there are human, gpt, system, "
                                         "function_call and observation",
                                         from)};
  Message named{known->second, fmt::format(R"({{"role":"{}","content":)", known->second)};
  append_json_string(named.json, value);
  named.json += '}';
  return named;
}

}  // namespace

std::vector<std::string> logged_turns(dom::element messages, std::size_t line) {
  dom::array list;
  if (messages.get(list))
    throw DatasetError{line, "has no list of messages; with roles: all, only chats are read"};
  std::vector<std::string> turns;
  std::string next;
  bool asks = false;  // `next` holds something that a request can end with
  for (const dom::element item : list) {
    const Message message = message_of(item, line);
    if (message.role == "assistant" && asks) {
      turns.push_back(std::exchange(next, {}));
      asks = false;
    }
    asks = asks || message.role == "user" || message.role == "tool" || message.role == "function";
    if (!next.empty()) next += ',';
    next += message.json;
  }
  if (asks) turns.push_back(std::move(next));
  if (turns.empty())
    throw DatasetError{line, "has nothing that is asked: no message of role 'user' or 'tool'"};
  return turns;
}

}  // namespace kneepoint::coordinator
