#include "models/weights/pickle.h"

#include <algorithm>
#include <array>

#include "models/weights/pickle_machine.h"

namespace vicinity {
namespace {

using Kind = PickleValue::Kind;
using M = PickleMachine;
using Action = void (*)(M&);

struct Opcode {
  uint8_t code;
  Action run;
};

// Every opcode that is followed, under its name in Python's pickletools.
constexpr Opcode kOpcodes[] = {
    {'N', [](M& m) { m.push(Kind::none); }},                               // NONE
    {0x88, [](M& m) { m.push_integer(1, Kind::boolean); }},                // NEWTRUE
    {0x89, [](M& m) { m.push_integer(0, Kind::boolean); }},                // NEWFALSE
    {'J', [](M& m) { m.push_integer(m.number<int32_t>()); }},              // BININT
    {'K', [](M& m) { m.push_integer(m.number<uint8_t>()); }},              // BININT1
    {'M', [](M& m) { m.push_integer(m.number<uint16_t>()); }},             // BININT2
    {'I', [](M& m) { m.push_decimal(m.line()); }},                         // INT
    {'L', [](M& m) { m.push_decimal(m.line()); }},                         // LONG
    {0x8a, [](M& m) { m.push_long(m.take(m.number<uint8_t>())); }},        // LONG1
    {0x8b, [](M& m) { m.push_long(m.take(m.number<uint32_t>())); }},       // LONG4
    {'F', [](M& m) { m.push_real(m.line()); }},                            // FLOAT
    {'G', [](M& m) { m.push_double(m.number<uint64_t>()); }},              // BINFLOAT
    {'T', [](M& m) { m.push_text(Kind::text, m.number<uint32_t>()); }},    // BINSTRING
    {'U', [](M& m) { m.push_text(Kind::text, m.number<uint8_t>()); }},     // SHORT_BINSTRING
    {'X', [](M& m) { m.push_text(Kind::text, m.number<uint32_t>()); }},    // BINUNICODE
    {0x8c, [](M& m) { m.push_text(Kind::text, m.number<uint8_t>()); }},    // SHORT_BINUNICODE
    {0x8d, [](M& m) { m.push_text(Kind::text, m.number<uint64_t>()); }},   // BINUNICODE8
    {'B', [](M& m) { m.push_text(Kind::bytes, m.number<uint32_t>()); }},   // BINBYTES
    {'C', [](M& m) { m.push_text(Kind::bytes, m.number<uint8_t>()); }},    // SHORT_BINBYTES
    {0x8e, [](M& m) { m.push_text(Kind::bytes, m.number<uint64_t>()); }},  // BINBYTES8
    {0x96, [](M& m) { m.push_text(Kind::bytes, m.number<uint64_t>()); }},  // BYTEARRAY8
    {'(', [](M& m) { m.mark(); }},                                         // MARK
    {'0', [](M& m) { m.pop_or_unmark(); }},                                // POP
    {'1', [](M& m) { m.pop_to_mark(); }},                                  // POP_MARK
    {'2', [](M& m) { m.duplicate(); }},                                    // DUP
    {')', [](M& m) { m.push(Kind::tuple); }},                              // EMPTY_TUPLE
    {']', [](M& m) { m.push(Kind::list); }},                               // EMPTY_LIST
    {'}', [](M& m) { m.push(Kind::dict); }},                               // EMPTY_DICT
    {0x8f, [](M& m) { m.push(Kind::set); }},                               // EMPTY_SET
    {'t', [](M& m) { m.push_group(Kind::tuple, m.pop_to_mark()); }},       // TUPLE
    {'l', [](M& m) { m.push_group(Kind::list, m.pop_to_mark()); }},        // LIST
    {'d', [](M& m) { m.push_group(Kind::dict, m.pop_to_mark()); }},        // DICT
    {0x91, [](M& m) { m.push_group(Kind::set, m.pop_to_mark()); }},        // FROZENSET
    {0x85, [](M& m) { m.push_tuple(1); }},                                 // TUPLE1
    {0x86, [](M& m) { m.push_tuple(2); }},                                 // TUPLE2
    {0x87, [](M& m) { m.push_tuple(3); }},                                 // TUPLE3
    {'a', [](M& m) { m.extend(Kind::list, {m.pop()}); }},                  // APPEND
    {'e', [](M& m) { m.extend(Kind::list, m.pop_to_mark()); }},            // APPENDS
    {0x90, [](M& m) { m.extend(Kind::set, m.pop_to_mark()); }},            // ADDITEMS
    {'s', [](M& m) { m.set_item(); }},                                     // SETITEM
    {'u', [](M& m) { m.extend(Kind::dict, m.pop_to_mark()); }},            // SETITEMS
    {'p', [](M& m) { m.put(m.line_number()); }},                           // PUT
    {'q', [](M& m) { m.put(m.number<uint8_t>()); }},                       // BINPUT
    {'r', [](M& m) { m.put(m.number<uint32_t>()); }},                      // LONG_BINPUT
    {0x94, [](M& m) { m.put_next(); }},                                    // MEMOIZE
    {'g', [](M& m) { m.get(m.line_number()); }},                           // GET
    {'h', [](M& m) { m.get(m.number<uint8_t>()); }},                       // BINGET
    {'j', [](M& m) { m.get(m.number<uint32_t>()); }},                      // LONG_BINGET
    {'c',                                                                  // GLOBAL
     [](M& m) {
       const std::string_view module = m.line();
       m.push_global(module, m.line());
     }},
    {0x93, [](M& m) { m.push_stack_global(); }},  // STACK_GLOBAL
    {'R', [](M& m) { m.push_object(); }},         // REDUCE
    {0x81, [](M& m) { m.push_object(); }},        // NEWOBJ
    {0x92,  // NEWOBJ_EX: keyword arguments tell nothing that is looked for
     [](M& m) {
       m.pop();
       m.push_object();
     }},
    {'b',  // BUILD: nor do an object's attributes
     [](M& m) {
       m.pop();
       m.top();
     }},
    {'Q', [](M& m) { m.push_persistent(); }},    // BINPERSID
    {0x95, [](M& m) { m.number<uint64_t>(); }},  // FRAME
    {0x80,                                       // PROTO
     [](M& m) {
       const int protocol = m.number<uint8_t>();
       if (protocol < 1 || protocol > 5) m.fail("is of protocol ", protocol, "; 1 to 5 are read");
     }},
};

constexpr std::array<Action, 256> by_code() {
  std::array<Action, 256> table{};
  for (const Opcode& opcode : kOpcodes) table[opcode.code] = opcode.run;
  return table;
}

}  // namespace

Pickle::Pickle(std::span<const char> bytes, const AllowedGlobals& allowed,
               const std::string& path) {
  constexpr uint8_t kStop = '.';
  static constexpr std::array<Action, 256> kTable = by_code();
  PickleMachine machine(*this, bytes, allowed, path);
  for (uint8_t code = machine.next(); code != kStop; code = machine.next()) {
    if (kTable[code] == nullptr)
      machine.fail("uses opcode ", int{code}, ", which weights have no need of");
    kTable[code](machine);
  }
  root = machine.pop();
  length = machine.at();
}

std::string printable(std::string_view text) {
  std::string result(text.substr(0, 80));
  std::replace_if(
      result.begin(), result.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  if (text.size() > result.size()) result += "...";
  return result;
}

}  // namespace vicinity
