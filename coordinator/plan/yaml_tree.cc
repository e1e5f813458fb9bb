#include "coordinator/plan/yaml_tree.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <unordered_map>
#include <utility>

namespace kneepoint::coordinator::yaml {
namespace {

// Far above any real plan, far below what would hurt: an alias may multiply what it names, so the limits hold
// for the expanded tree.
constexpr std::size_t kMaxFileBytes = 1 << 20;
constexpr std::size_t kMaxNodes = 10'000;
constexpr std::size_t kMaxTextBytes = 4 << 20;
constexpr std::size_t kMaxDepth = 32;

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

/// Turns byte offsets within lines, which the parser counts, into characters.
class LineIndex {
 public:
  explicit LineIndex(std::string_view text) {
    while (true) {
      const std::size_t end = text.find('\n');
      lines_.push_back(text.substr(0, end));
      if (end == text.npos) break;
      text.remove_prefix(end + 1);
    }
  }

  /// The n-th line, from 0, without its line break; empty beyond the end.
  std::string_view line(int n) const {
    return n >= 0 && n < static_cast<int>(lines_.size()) ? lines_[n] : std::string_view();
  }
  int size() const { return static_cast<int>(lines_.size()); }

  /// @param line, byte both from 0; clamped to the text.
  Position position(int line_number, int byte) const {
    const int n = std::clamp(line_number, 0, size() - 1);
    const std::string_view before = lines_[n].substr(0, std::max(byte, 0));
    const auto characters =
        std::count_if(before.begin(), before.end(), [](char c) { return !is_continuation(c); });
    return {n + 1, static_cast<int>(characters) + 1};
  }

 private:
  std::vector<std::string_view> lines_;
};

/// Refuses what YAML does not allow anyway, and what the parser's input stream would take for its end (0x04).
void check_characters(const LineIndex& lines) {
  for (int n = 0; n < lines.size(); ++n) {
    const std::string_view line = lines.line(n);
    for (std::size_t i = 0; i < line.size();) {
      std::size_t length = 1;
      while (i + length < line.size() && is_continuation(line[i + length])) ++length;
      if (!simdjson::validate_utf8(line.data() + i, length)) {
        throw PlanError{lines.position(n, static_cast<int>(i)), "not UTF-8 text; save the plan as UTF-8"};
      }
      const auto c = static_cast<unsigned char>(line[i]);
      const bool line_end = c == '\r' && i + 1 == line.size();
      if ((c < 0x20 && c != '\t' && !line_end) || c == 0x7F) {
        throw PlanError{lines.position(n, static_cast<int>(i)),
                        fmt::format("control character 0x{:02x}; remove it", c)};
      }
      i += length;
    }
  }
}

/// What a syntax complaint usually means, for the ones met most.
std::string_view hint(std::string_view complaint) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kHints = {{
      {"illegal map value", "check the indentation, and quote a text that holds ': '"},
      {"end of map not found", "check the indentation: keys of one mapping start in one column"},
      {"end of sequence not found", "check the indentation: dashes of one list stand in one column"},
      {"illegal EOF in scalar", "a quote is not closed"},
      {"unknown token", "quote a text that starts with '@', '`' or '%'"},
  }};
  for (const auto& [known, meaning] : kHints) {
    if (complaint == known) return meaning;
  }
  return "";
}

/// The innermost bracket that is still open where the parser gave up, with its place; "" where none is.
std::string unclosed_bracket(const LineIndex& lines, int last_line, int last_byte) {
  std::vector<std::pair<char, Position>> open;
  char quote = 0;
  for (int n = 0; n <= std::min(last_line, lines.size() - 1); ++n) {
    const std::string_view line =
        n == last_line ? lines.line(n).substr(0, std::max(last_byte, 0)) : lines.line(n);
    for (std::size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      if (quote != 0) {
        if (quote == '"' && c == '\\') {
          ++i;
        } else if (c == quote) {
          quote = 0;
        }
      } else if (c == '#' && (i == 0 || line[i - 1] == ' ')) {
        break;
      } else if (const bool begins = i == 0 || std::string_view(" [{,:").find(line[i - 1]) != line.npos;
                 begins && (c == '"' || c == '\'')) {  // else an apostrophe
        quote = c;
      } else if (c == '[' || c == '{') {
        open.emplace_back(c, lines.position(n, static_cast<int>(i)));
      } else if ((c == ']' || c == '}') && !open.empty()) {
        open.pop_back();
      }
    }
  }
  if (open.empty()) return "";
  const auto& [bracket, at] = open.back();
  return fmt::format("the '{}' of line {}, column {}, is not closed, or a ',' is missing", bracket, at.line,
                     at.column);
}

[[noreturn]] void throw_syntax_error(const YAML::Exception& e, const LineIndex& lines) {
  const std::string_view line = lines.line(e.mark.line);
  const std::size_t indent = line.find_first_not_of(' ');
  if (indent != line.npos && line[indent] == '\t') {
    throw PlanError{lines.position(e.mark.line, static_cast<int>(indent)),
                    "a tab indents this line; YAML takes spaces only"};
  }
  const bool in_brackets =
      e.msg.find("flow not found") != std::string::npos || e.msg == YAML::ErrorMsg::FLOW_END;
  std::string meaning =
      in_brackets ? unclosed_bracket(lines, e.mark.line, e.mark.column) : std::string(hint(e.msg));
  if (in_brackets && line.find("${") != line.npos)
    meaning = "inside brackets a variable stands in quotes: \"${name}\"";
  // A key whose ':' is another character goes on in the next line, where it is noticed.
  std::string wide = full_width_hint(line);
  if (wide.empty()) wide = full_width_hint(lines.line(e.mark.line - 1));
  throw PlanError{lines.position(e.mark.line, e.mark.column),
                  fmt::format("not valid YAML: {}{}{}{}", e.msg, meaning.empty() ? "" : "; ", meaning, wide)};
}

/// Builds the tree from the parser's events.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(const LineIndex& lines) : lines_(lines) {}

  Node take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) throw PlanError{at(mark), "a second document; a plan is one YAML document"};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add_leaf(Node{.kind = Node::Kind::kNull, .at = at(mark)}, anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end())
      throw PlanError{at(mark), "this alias stands inside the value that it names"};
    spend(known->second, at(mark));
    add(known->second, 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    // yaml-cpp's tags: "?" for a plain scalar, "!" for a quoted one.
    const bool quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    add_leaf(Node{.kind = Node::Kind::kScalar, .at = at(mark), .text = value, .is_text = quoted}, anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check_tag(mark, tag);
    open(Node{.kind = Node::Kind::kSequence, .at = at(mark)}, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    check_tag(mark, tag);
    open(Node{.kind = Node::Kind::kMapping, .at = at(mark)}, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  /// A collection whose end has not come yet.
  struct Open {
    Node node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;  ///< A mapping whose next event is a value.
    std::vector<std::pair<Position, Node>> merges;
  };

  Position at(const YAML::Mark& mark) const { return lines_.position(mark.line, mark.column); }

  /// YAML's own tags say what a value is anyway; others ask for something that a plan has not.
  void check_tag(const YAML::Mark& mark, const std::string& tag) const {
    static constexpr std::array<std::string_view, 8> kKnown = {"str", "int",  "float", "bool",
                                                               "seq", "null", "map",   "merge"};
    constexpr std::string_view kYaml = "tag:yaml.org,2002:";
    if (tag.empty() || tag == "?" || tag == "!") return;
    const std::string_view name = std::string_view(tag).substr(tag.starts_with(kYaml) ? kYaml.size() : 0);
    if (tag.starts_with(kYaml) && std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end()) return;
    throw PlanError{at(mark), fmt::format("a plan has no tags such as '!{}'; remove it", name)};
  }

  void open(Node node, YAML::anchor_t anchor) {
    if (open_.size() >= kMaxDepth) {
      throw PlanError{node.at, fmt::format("nested more than {} levels deep; write it flatter", kMaxDepth)};
    }
    spend(node, node.at);
    open_.push_back({std::move(node), anchor});
  }

  void add_leaf(Node node, YAML::anchor_t anchor) {
    spend(node, node.at);
    add(std::move(node), anchor);
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    for (const auto& [where, source] : done.merges) merge(done.node, source, where);
    add(std::move(done.node), done.anchor);
  }

  /// YAML's merge key: members that the mapping does not have itself; of several sources the first wins.
  void merge(Node& into, const Node& source, Position where) {
    if (source.kind == Node::Kind::kSequence) {
      for (const Node& item : source.items) merge(into, item, where);
      return;
    }
    if (source.kind != Node::Kind::kMapping)
      throw PlanError{where, "'<<' merges a mapping or a list of mappings"};
    for (const Member& member : source.members) {
      if (into.find(member.key) == nullptr) into.members.push_back(member);
    }
  }

  void add(Node node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Node::Kind::kSequence) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      add_key(parent, node);
    } else {
      parent.has_key = false;
      Member& member = parent.node.members.back();
      // An empty value has no place of its own: the complaint belongs to its key.
      if (node.kind == Node::Kind::kNull) node.at = member.at;
      if (member.key == "<<") {
        parent.merges.emplace_back(member.at, std::move(node));
        parent.node.members.pop_back();
      } else {
        member.value = std::move(node);
      }
    }
  }

  static void add_key(Open& parent, const Node& key) {
    if (key.kind != Node::Kind::kScalar) throw PlanError{key.at, "a key must be a single word"};
    for (const Member& other : parent.node.members) {
      if (other.key != key.text) continue;
      throw PlanError{key.at, fmt::format("duplicate key '{}', first given in line {}; keep one", key.text,
                                          other.at.line)};
    }
    parent.node.members.push_back({key.text, key.at, {}});
    parent.has_key = true;
  }

  /// Counts a new value (all of it, where it comes from an alias) against the limits.
  void spend(const Node& node, Position where) {
    const auto [nodes, bytes] = size_of(node);
    nodes_ += nodes;
    bytes_ += bytes;
    if (nodes_ > kMaxNodes || bytes_ > kMaxTextBytes) {
      throw PlanError{where,
                      fmt::format("the plan grows too large here: {} values or {} MiB of text are the most, "
                                  "aliases counted in full",
                                  kMaxNodes, kMaxTextBytes >> 20)};
    }
  }

  static std::pair<std::size_t, std::size_t> size_of(const Node& node) {
    std::pair<std::size_t, std::size_t> sum{1, node.text.size()};
    const auto include = [&](const Node& child) {
      const auto [nodes, bytes] = size_of(child);
      sum.first += nodes;
      sum.second += bytes;
    };
    for (const Node& item : node.items) include(item);
    for (const Member& member : node.members) {
      sum.second += member.key.size();
      include(member.value);
    }
    return sum;
  }

  const LineIndex& lines_;
  int documents_ = 0;
  Node root_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, Node> anchors_;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

std::string full_width_hint(std::string_view text) {
  constexpr std::pair<std::string_view, std::string_view> kMarks[] = {{"：", "':' and a space"},
                                                                      {"，", "', '"},
                                                                      {"［", "'['"},
                                                                      {"］", "']'"},
                                                                      {"【", "'['"},
                                                                      {"】", "']'"},
                                                                      {"｛", "'{'"},
                                                                      {"｝", "'}'"},
                                                                      {"“", "'\"'"},
                                                                      {"”", "'\"'"}};
  for (const auto& [mark, ascii] : kMarks) {
    if (text.find(mark) != text.npos)
      return fmt::format("; it holds a full-width '{}': write {}", mark, ascii);
  }
  // What cannot be seen is called by its number.
  for (const auto& [space, name] : {std::pair<std::string_view, std::string_view>{"\u00A0", "U+00A0"},
                                    {"\u202F", "U+202F"},
                                    {"\u3000", "U+3000"}}) {
    if (text.find(space) != text.npos)
      return fmt::format("; it holds a space of another kind ({}): write plain spaces", name);
  }
  return "";
}

const Node* Node::find(std::string_view key) const {
  const auto member =
      std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.key == key; });
  return member == members.end() ? nullptr : &member->value;
}

bool same_content(const Node& a, const Node& b) {
  return a.kind == b.kind && a.text == b.text && a.is_text == b.is_text &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same_content) &&
         std::equal(a.members.begin(), a.members.end(), b.members.begin(), b.members.end(),
                    [](const Member& x, const Member& y) {
                      return x.key == y.key && same_content(x.value, y.value);
                    });
}

Node parse(const std::string& text) {
  if (text.size() > kMaxFileBytes) throw PlanError{{}, "the plan is larger than 1 MiB; shorten its prompts"};
  const LineIndex lines(text);
  check_characters(lines);
  Builder builder(lines);
  try {
    // A quote left open is noticed only where the text ends inside a line, which the added comment makes sure
    // of.
    std::istringstream in(text + "\n#");
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& e) {
    throw_syntax_error(e, lines);
  }
  return builder.take_root();
}

}  // namespace kneepoint::coordinator::yaml
