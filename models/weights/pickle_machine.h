// The stack machine of pickle.cpp: reads operands, builds values, calls nothing.
#pragma once

#include <cstring>
#include <unordered_map>

#include "core/base/error.h"
#include "models/weights/pickle.h"

namespace vicinity {

class PickleMachine {
 public:
  using Kind = PickleValue::Kind;
  static constexpr size_t kMostValues = 2'000'000;

  PickleMachine(Pickle& pickle, std::span<const char> bytes, const AllowedGlobals& allowed,
                const std::string& path)
      : pickle_(pickle), bytes_(bytes), allowed_(allowed), path_(path) {}

  /// The next opcode; messages name its place from here on.
  uint8_t next();
  size_t at() const { return at_; }
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    VIC_FAIL(DataError, "'", path_, "': its pickle ", parts..., " (byte ", op_at_, ")");
  }

  // Operands.
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string_view take(uint64_t length);
  std::string_view line();
  /// A line that is the number of a remembered value.
  uint64_t line_number();

  // Stack.
  PickleValue& push(Kind kind);
  uint32_t push(uint32_t value);
  uint32_t pop();
  PickleValue& top();
  void mark();
  /// The values since the last mark, which goes.
  std::vector<uint32_t> pop_to_mark();
  /// POP: the top value, or a mark that is on top.
  void pop_or_unmark();
  void duplicate();

  // Values.
  void push_integer(int64_t value, Kind kind = Kind::integer) { push(kind).integer = value; }
  /// Two's complement, lowest byte first; of more than eight bytes only the bytes are kept.
  void push_long(std::string_view digits);
  void push_decimal(std::string_view digits);
  void push_real(std::string_view digits);
  /// Highest byte first.
  void push_double(uint64_t bits);
  void push_text(Kind kind, uint64_t length);
  void push_group(Kind kind, std::vector<uint32_t> items);
  void push_tuple(size_t length);
  /// Lists, sets and dicts grow after they were made, and so do objects that stand for them.
  void extend(Kind kind, const std::vector<uint32_t>& items);
  void set_item();

  // Memo.
  void put(uint64_t key);
  void put_next() { put(memo_.size()); }
  void get(uint64_t key);

  // Globals and what is made of them: names and arguments are noted, no more.
  void push_global(std::string_view module, std::string_view name);
  void push_stack_global();
  void push_object();
  void push_persistent();

 private:
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  Pickle& pickle_;
  std::span<const char> bytes_;
  const AllowedGlobals& allowed_;
  const std::string& path_;
  size_t at_ = 0, op_at_ = 0;
  std::vector<uint32_t> stack_;
  std::vector<size_t> marks_;  // heights of the stack
  std::unordered_map<uint64_t, uint32_t> memo_;
};

}  // namespace vicinity
