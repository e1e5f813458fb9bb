#include "coordinator/report/json_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <string>

#include "coordinator/report/json.h"

namespace kneepoint::coordinator {
namespace {

/// That documents fit it is seen by tests/docs/schema_test.py, with a validator.
class ReportJsonSchema : public testing::Test {
 protected:
  ReportJsonSchema() : root_(parser_.parse(text_)) {}

  const simdjson::padded_string text_{report_json_schema()};
  simdjson::dom::parser parser_;
  simdjson::dom::element root_;
};

TEST_F(ReportJsonSchema, NamesTheVersionThatTheWriterWrites) {
  EXPECT_EQ(std::string_view(root_["properties"]["schema"]["const"]), kReportSchema);
}

TEST_F(ReportJsonSchema, HasWhatTheModelHasUnderTheNamesOfTheFile) {
  const auto step = root_["$defs"]["step"]["properties"];
  EXPECT_EQ(step["ttft_seconds"]["$ref"].get_string().value(), "#/$defs/latency");
  EXPECT_EQ(step["valid"]["type"].get_string().value(), "boolean");
  EXPECT_FALSE(root_["$defs"]["request_counts"]["properties"]["by_outcome"]["properties"]["timeout"].error());
}

TEST_F(ReportJsonSchema, WhatMayBeAbsentMayBeNull) {
  const auto value = root_["$defs"]["estimate"]["properties"]["value"]["anyOf"];
  EXPECT_EQ(value.at(1)["type"].get_string().value(), "null");
}

}  // namespace
}  // namespace kneepoint::coordinator
