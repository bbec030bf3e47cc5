#include "data/arrays/array_layout.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/files.h"
#include "data/pack/hdf5_file.h"

namespace vicinity {
namespace {

using Json = nlohmann::ordered_json;

std::string header_of_safetensors(const std::vector<ArraySpec>& arrays) {
  Json header;
  header["__metadata__"]["format"] = "np";
  uint64_t at = 0;
  for (const ArraySpec& array : arrays) {
    std::vector<int64_t> shape = array.shape();
    if (array.type == ArraySpec::Type::text) shape.push_back(array.width);
    header[array.name] = {{"dtype", array.type == ArraySpec::Type::f32 ? "F32" : "U8"},
                          {"shape", shape},
                          {"data_offsets", {at, at + array.bytes()}}};
    at += array.bytes();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

// 8 bytes of length, the header, the arrays one behind the other
// (github.com/huggingface/safetensors).
std::vector<uint64_t> create_safetensors(const std::string& path,
                                         const std::vector<ArraySpec>& arrays) {
  const std::string header = header_of_safetensors(arrays);
  const uint64_t length = header.size();
  std::vector<uint64_t> offsets;
  uint64_t at = 8 + length;
  for (const ArraySpec& array : arrays) {
    offsets.push_back(at);
    at += array.bytes();
  }
  FileWriter file(path);
  file.write(&length, 8);
  file.write(header);
  file.finish();
  resize_file(path, at);
  return offsets;
}

std::vector<uint64_t> create_hdf5(const std::string& path, const std::vector<ArraySpec>& arrays) {
  Hdf5File file = Hdf5File::create(path);
  for (const ArraySpec& array : arrays) {
    const std::vector<int64_t> shape = array.shape();
    const std::vector<hsize_t> dims(shape.begin(), shape.end());
    if (array.type == ArraySpec::Type::text) {
      const Hdf5Handle text(H5Tcopy(H5T_C_S1), H5Tclose);
      H5Tset_size(text, static_cast<size_t>(array.width));
      H5Tset_strpad(text, H5T_STR_NULLPAD);
      H5Tset_cset(text, H5T_CSET_UTF8);
      file.reserve(array.name, text, dims);
    } else {
      file.reserve(array.name, array.type == ArraySpec::Type::f32 ? H5T_IEEE_F32LE : H5T_STD_U8LE,
                   dims);
    }
  }
  file.finish();
  const Hdf5File written = Hdf5File::open(path);
  std::vector<uint64_t> offsets;
  for (const ArraySpec& array : arrays) offsets.push_back(written.offset(array.name));
  return offsets;
}

}  // namespace

uint64_t ArraySpec::row_bytes() const {
  uint64_t bytes = type == Type::f32 ? 4 : type == Type::text ? static_cast<uint64_t>(width) : 1;
  for (const int64_t dim : row) bytes *= static_cast<uint64_t>(dim);
  return bytes;
}

std::vector<int64_t> ArraySpec::shape() const {
  std::vector<int64_t> dims{rows};
  dims.insert(dims.end(), row.begin(), row.end());
  return dims;
}

bool is_array_extension(const std::string& extension) {
  return extension == ".safetensors" || extension == ".npz" || extension == ".h5" ||
         extension == ".hdf5";
}

std::vector<uint64_t> create_arrays(const std::string& path, const std::string& extension,
                                    const std::vector<ArraySpec>& arrays) {
  uint64_t bytes = 0;
  for (const ArraySpec& array : arrays) bytes += array.bytes();
  check_room(path, bytes);
  if (extension == ".safetensors") return create_safetensors(path, arrays);
  if (extension == ".npz") return create_npz(path, arrays);
  return create_hdf5(path, arrays);
}

}  // namespace vicinity
