// Python's pickles, read as descriptions: nothing that they ask for is ever run.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vicinity {

/// One value; others that it holds are named by their place in Pickle::values, so that what refers
/// to itself or nests deeply costs nothing to hold and to free.
struct PickleValue {
  enum class Kind : uint8_t {
    none,
    boolean,
    integer,
    real,
    text,
    bytes,
    tuple,
    list,
    set,
    dict,
    global,
    object,
    persistent
  };
  Kind kind = Kind::none;
  /// An object: the global that would be called, and the tuple of its arguments. Persistent:
  /// `arguments` is the tuple that identifies it.
  uint32_t made_by = 0, arguments = 0;
  int64_t integer = 0;  // boolean: 0 or 1
  double real = 0;
  std::string_view text;  // text and bytes: as stored; global: "module.name"; huge integer: bytes
  /// Elements; of a dict, or of an object that was filled like one: key, value, key, value.
  std::vector<uint32_t> items;
};

using AllowedGlobals = std::set<std::string, std::less<>>;

/// A pickle of protocol 1 to 5 that names no globals but allowed ones (names of Python 2 count as
/// those of Python 3: __builtin__.set is builtins.set). Refuses everything that is not needed to
/// describe data: other opcodes, extension codes, buffers outside the stream. Lengths are compared
/// with the bytes that are there, values are at most two million: memory is bounded by the length.
struct Pickle {
  /// Reads the pickle that begins `bytes`, which must outlive it. DataError names `path` and what
  /// was wrong, or the global that is not allowed.
  Pickle(std::span<const char> bytes, const AllowedGlobals& allowed, const std::string& path);

  const PickleValue& at(uint32_t index) const { return values[index]; }

  std::vector<PickleValue> values;
  uint32_t root = 0;
  size_t length = 0;  // bytes up to and with the end of the pickle
};

/// Text of a file for a message: at most 80 bytes, others than printable ASCII as '?'.
std::string printable(std::string_view text);

}  // namespace vicinity
