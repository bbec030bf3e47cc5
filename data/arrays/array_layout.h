// Files of named arrays in which every array lies in one piece, so that their bytes can be written
// in place, row by row, in files larger than the memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vicinity {

/// One array: `rows` rows of the shape `row`.
struct ArraySpec {
  enum class Type { f32, u8, text };  // text: UTF-8, `width` bytes an entry, zeros behind it

  std::string name;
  Type type = Type::f32;
  int64_t rows = 0;
  std::vector<int64_t> row;  // empty: one number, or one text
  int64_t width = 1;         // of text

  uint64_t row_bytes() const;
  uint64_t bytes() const { return static_cast<uint64_t>(rows) * row_bytes(); }
  /// rows, then row.
  std::vector<int64_t> shape() const;
};

/// Creates `path` in the format of `extension` (.safetensors, .npz, .h5, .hdf5) with room for the
/// arrays. Returns where the bytes of each lie. IoError if the disk refuses. Texts become
/// fixed-length strings (HDF5), dtype S (npz), U8 [rows, ..., width] (safetensors).
std::vector<uint64_t> create_arrays(const std::string& path, const std::string& extension,
                                    const std::vector<ArraySpec>& arrays);
/// Whether there is such a format.
bool is_array_extension(const std::string& extension);

// array_npz.cpp: a ZIP archive of .npy files, stored, with 64-bit sizes. What stands after the
// arrays needs the CRC-32 of each whole entry, the header in front of an array included.
std::vector<uint64_t> create_npz(const std::string& path, const std::vector<ArraySpec>& arrays);
/// The CRC-32 of the .npy header in front of the array: where that of the entry starts.
uint32_t npy_header_crc(const ArraySpec& array);
/// Puts the checksums into a file that is complete but for them.
void finish_npz(const std::string& path, const std::vector<ArraySpec>& arrays,
                const std::vector<uint32_t>& crcs);

}  // namespace vicinity
