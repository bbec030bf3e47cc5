// ZIP as in PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3; .npy as in NumPy's format 1.0
// (numpy.lib.format).
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <cstring>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/files.h"
#include "data/arrays/array_layout.h"

namespace vicinity {
namespace {

constexpr uint32_t kElsewhere = 0xffffffff;  // the 64-bit field holds the number

template <class T>
void put(std::string& text, T value) {
  text.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string npy_header(const ArraySpec& array) {
  const std::string type = array.type == ArraySpec::Type::f32    ? "<f4"
                           : array.type == ArraySpec::Type::text ? str("|S", array.width)
                                                                 : "|u1";
  std::string shape;
  for (const int64_t dim : array.shape()) shape += str(dim, ", ");
  std::string dictionary =
      str("{'descr': '", type, "', 'fortran_order': False, 'shape': (", shape, "), }");
  const size_t unpadded = 10 + dictionary.size() + 1;
  dictionary.append((unpadded + 63) / 64 * 64 - unpadded, ' ');
  std::string header("\x93NUMPY\x01\x00", 8);
  put(header, static_cast<uint16_t>(dictionary.size() + 1));
  return header + dictionary + "\n";
}

// What local headers and the central directory have in common: version needed to the name's length.
std::string common_fields(const ArraySpec& array, uint32_t crc) {
  std::string text;
  put(text, uint16_t{45});      // 64-bit sizes
  put(text, uint16_t{0x0800});  // UTF-8 names
  put(text, uint16_t{0});       // stored
  put(text, uint16_t{0});
  put(text, uint16_t{0x21});  // 1 January 1980
  put(text, crc);
  put(text, kElsewhere);
  put(text, kElsewhere);
  put(text, static_cast<uint16_t>(array.name.size() + 4));
  return text;
}

uint64_t entry_bytes(const ArraySpec& array) { return npy_header(array).size() + array.bytes(); }

std::string local_header(const ArraySpec& array, uint32_t crc) {
  std::string text;
  put(text, uint32_t{0x04034b50});
  text += common_fields(array, crc);
  put(text, uint16_t{20});
  text += array.name + ".npy";
  put(text, uint16_t{1});  // 64-bit sizes
  put(text, uint16_t{16});
  put(text, entry_bytes(array));
  put(text, entry_bytes(array));
  return text;
}

std::string central_header(const ArraySpec& array, uint32_t crc, uint64_t at) {
  std::string text;
  put(text, uint32_t{0x02014b50});
  put(text, uint16_t{45});
  text += common_fields(array, crc);
  put(text, uint16_t{28});
  text.append(6, '\0');  // no comment, first disk, no internal attributes
  put(text, uint32_t{0});
  put(text, kElsewhere);
  text += array.name + ".npy";
  put(text, uint16_t{1});
  put(text, uint16_t{24});
  put(text, entry_bytes(array));
  put(text, entry_bytes(array));
  put(text, at);
  return text;
}

std::string end_of_directory(uint64_t entries, uint64_t at, uint64_t bytes) {
  std::string text;
  put(text, uint32_t{0x06064b50});
  put(text, uint64_t{44});
  put(text, uint16_t{45});
  put(text, uint16_t{45});
  put(text, uint64_t{0});  // this disk, and that of the directory
  for (const uint64_t number : {entries, entries, bytes, at}) put(text, number);
  put(text, uint32_t{0x07064b50});
  put(text, uint32_t{0});
  put(text, at + bytes);
  put(text, uint32_t{1});
  put(text, uint32_t{0x06054b50});
  put(text, uint32_t{0});
  put(text, uint32_t{0xffffffff});  // both numbers of entries
  put(text, kElsewhere);
  put(text, kElsewhere);
  put(text, uint16_t{0});
  return text;
}

// Everything but the arrays, at its place.
void write_frame(int file, const std::string& path, const std::vector<ArraySpec>& arrays,
                 const std::vector<uint32_t>& crcs) {
  uint64_t at = 0;
  std::string directory;
  for (size_t i = 0; i < arrays.size(); ++i) {
    const std::string local = local_header(arrays[i], crcs[i]), npy = npy_header(arrays[i]);
    directory += central_header(arrays[i], crcs[i], at);
    write_at(file, local + npy, at, path);
    at += local.size() + entry_bytes(arrays[i]);
  }
  write_at(file, directory + end_of_directory(arrays.size(), at, directory.size()), at, path);
}

void write_frame(const std::string& path, const std::vector<ArraySpec>& arrays,
                 const std::vector<uint32_t>& crcs) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  VIC_CHECK(IoError, file >= 0, "cannot open '", path, "': ", std::strerror(errno));
  try {
    write_frame(file, path, arrays, crcs);
  } catch (...) {
    close(file);
    throw;
  }
  close(file);
}

}  // namespace

uint32_t npy_header_crc(const ArraySpec& array) {
  const std::string header = npy_header(array);
  return static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(header.data()), static_cast<uInt>(header.size())));
}

std::vector<uint64_t> create_npz(const std::string& path, const std::vector<ArraySpec>& arrays) {
  std::filesystem::remove(path);
  write_frame(path, arrays, std::vector<uint32_t>(arrays.size(), 0));
  std::vector<uint64_t> offsets;
  uint64_t at = 0;
  for (const ArraySpec& array : arrays) {
    at += local_header(array, 0).size();
    offsets.push_back(at + npy_header(array).size());
    at += entry_bytes(array);
  }
  return offsets;
}

void finish_npz(const std::string& path, const std::vector<ArraySpec>& arrays,
                const std::vector<uint32_t>& crcs) {
  write_frame(path, arrays, crcs);
}

}  // namespace vicinity
