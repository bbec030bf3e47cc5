#include "train/checkpoint_state.h"

#include <zlib.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/files.h"

namespace vicinity {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kName = "/state.json";
constexpr const char* kMark = "\"checksum\"";

std::string hex(uint32_t value) {
  std::array<char, 9> text;
  std::snprintf(text.data(), text.size(), "%08x", value);
  return text.data();
}

Json json_of(const StateFile& file) {
  const RunState& s = file.state;
  Json json{{"step", s.step},
            {"seed", s.seed},
            {"best_top1", s.best_top1},
            {"best_step", s.best_step},
            {"best_score", s.best_score},
            {"top1", s.top1},
            {"evaluated_step", s.evaluated_step},
            {"scheduled", s.scheduled},
            {"left_out", s.left_out},
            {"out_in_row", s.out_in_row},
            {"data_fingerprint", s.data_fingerprint},
            {"val_fingerprint", s.val_fingerprint},
            {"activations", s.activations},
            {"hardware", s.hardware},
            {"files", Json::object()}};
  for (const FileSum& sum : file.files)
    json["files"][sum.name] = {{"bytes", sum.bytes}, {"crc32", hex(sum.crc32)}};
  return json;
}

StateFile state_of(const Json& json) {
  StateFile file;
  RunState& s = file.state;
  json.at("step").get_to(s.step);
  json.at("seed").get_to(s.seed);
  json.at("best_top1").get_to(s.best_top1);
  json.at("best_step").get_to(s.best_step);
  json.at("best_score").get_to(s.best_score);
  json.at("top1").get_to(s.top1);
  json.at("evaluated_step").get_to(s.evaluated_step);
  json.at("scheduled").get_to(s.scheduled);
  json.at("left_out").get_to(s.left_out);
  json.at("out_in_row").get_to(s.out_in_row);
  json.at("data_fingerprint").get_to(s.data_fingerprint);
  s.val_fingerprint = json.value("val_fingerprint", "");
  json.at("activations").get_to(s.activations);
  json.at("hardware").get_to(s.hardware);
  for (const auto& [name, sum] : json.at("files").items()) {
    const auto crc = std::stoul(sum.at("crc32").get<std::string>(), nullptr, 16);
    file.files.push_back({name, sum.at("bytes"), static_cast<uint32_t>(crc)});
  }
  return file;
}

// The JSON without its last entry, and that.
std::string closed(const std::string& text) {
  return text + kMark + ": \"" + hex(add_to_crc32(0, text.data(), text.size())) + "\"\n}\n";
}

uint32_t crc32_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> part(size_t{1} << 20);
  uint32_t crc = 0;
  while (file.read(part.data(), static_cast<std::streamsize>(part.size())) || file.gcount() > 0)
    crc = add_to_crc32(crc, part.data(), static_cast<size_t>(file.gcount()));
  VIC_CHECK(DataError, file.eof() && !file.bad(), "'", path, "' cannot be read to its end");
  return crc;
}

}  // namespace

uint32_t add_to_crc32(uint32_t crc, const void* data, size_t bytes) {
  return static_cast<uint32_t>(::crc32_z(crc, static_cast<const Bytef*>(data), bytes));
}

std::string state_text(const StateFile& file) {
  std::string text = json_of(file).dump(2);
  text.resize(text.size() - 2);  // "\n}"
  return closed(text + ",\n  ");
}

StateFile read_state(const std::string& folder) {
  const std::string path = folder + kName;
  VIC_CHECK(DataError, std::filesystem::exists(path), "it has no state.json");
  return parse_state(read_file(path));
}

StateFile parse_state(const std::string& text) {
  const size_t mark = text.rfind(kMark);
  VIC_CHECK(DataError, mark != std::string::npos && text == closed(text.substr(0, mark)),
            "state.json is damaged: its checksum is not that of its text");
  try {
    return state_of(Json::parse(text));
  } catch (const std::exception& error) {
    VIC_FAIL(DataError, "state.json is of another version of this program: ", error.what());
  }
}

void check_files(const std::string& folder, const StateFile& file) {
  for (const FileSum& sum : file.files) {
    const std::string path = folder + "/" + sum.name;
    std::error_code error;
    const uint64_t bytes = std::filesystem::file_size(path, error);
    VIC_CHECK(DataError, !error, sum.name, " is missing");
    VIC_CHECK(DataError, bytes == sum.bytes, sum.name, " has ", bytes,
              " bytes, it was written with ", sum.bytes);
    const uint32_t crc = crc32_of_file(path);
    VIC_CHECK(DataError, crc == sum.crc32, sum.name, " is damaged: its checksum is ", hex(crc),
              ", it was written with ", hex(sum.crc32));
  }
}

}  // namespace vicinity
