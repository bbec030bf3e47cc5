#include "models/weights/pickle_machine.h"

#include <bit>
#include <charconv>

namespace vicinity {
namespace {

// The number that is all of `digits`.
template <class T>
std::errc parse(std::string_view digits, T& value) {
  const char* end = digits.data() + digits.size();
  const auto [stop, code] = std::from_chars(digits.data(), end, value);
  return stop == end ? code : std::errc::invalid_argument;
}

}  // namespace

uint8_t PickleMachine::next() {
  op_at_ = at_;
  return number<uint8_t>();
}

std::string_view PickleMachine::take(uint64_t length) {
  if (length > bytes_.size() - at_)
    fail("is cut short: ", length, " bytes wanted, ", bytes_.size() - at_, " left");
  const std::string_view part(bytes_.data() + at_, length);
  at_ += length;
  return part;
}

std::string_view PickleMachine::line() {
  const std::string_view rest(bytes_.data() + at_, bytes_.size() - at_);
  const size_t end = rest.find('\n');
  if (end == std::string_view::npos) fail("is cut short within a line");
  take(end + 1);
  return rest.substr(0, end);
}

uint64_t PickleMachine::line_number() {
  const std::string_view digits = line();
  uint64_t value = 0;
  if (parse(digits, value) != std::errc())
    fail("has '", printable(digits), "' for the number of a value");
  return value;
}

PickleValue& PickleMachine::push(Kind kind) {
  if (pickle_.values.size() >= kMostValues) fail("holds more than ", kMostValues, " values");
  push(static_cast<uint32_t>(pickle_.values.size()));
  pickle_.values.push_back({kind});
  return pickle_.values.back();
}

uint32_t PickleMachine::push(uint32_t value) {
  if (stack_.size() >= kMostValues) fail("piles up more than ", kMostValues, " values");
  stack_.push_back(value);
  return value;
}

uint32_t PickleMachine::pop() {
  if (stack_.size() <= floor()) fail("takes a value from an empty stack");
  const uint32_t value = stack_.back();
  stack_.pop_back();
  return value;
}

PickleValue& PickleMachine::top() { return pickle_.values[push(pop())]; }

void PickleMachine::mark() {
  if (marks_.size() >= kMostValues) fail("begins more than ", kMostValues, " groups");
  marks_.push_back(stack_.size());
}

std::vector<uint32_t> PickleMachine::pop_to_mark() {
  if (marks_.empty()) fail("ends a group that it did not begin");
  const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<uint32_t> values(from, stack_.end());
  stack_.erase(from, stack_.end());
  marks_.pop_back();
  return values;
}

void PickleMachine::pop_or_unmark() {
  if (!marks_.empty() && marks_.back() == stack_.size()) {
    marks_.pop_back();
  } else {
    pop();
  }
}

void PickleMachine::duplicate() { push(push(pop())); }

void PickleMachine::push_long(std::string_view digits) {
  uint64_t bits = 0;
  PickleValue& value = push(Kind::integer);
  if (digits.size() > 8) {
    value.text = digits;
  } else if (!digits.empty()) {
    std::memcpy(&bits, digits.data(), digits.size());
    const size_t unused = 64 - 8 * digits.size();
    value.integer = static_cast<int64_t>(bits << unused) >> unused;
  }
}

void PickleMachine::push_decimal(std::string_view digits) {
  if (digits == "00" || digits == "01") return push_integer(digits == "01", Kind::boolean);
  const std::string_view number = digits.substr(0, digits.size() - digits.ends_with('L'));
  int64_t value = 0;
  const std::errc code = parse(number, value);
  const bool huge = code == std::errc::result_out_of_range;
  if (code != std::errc() && !huge) fail("has '", printable(digits), "' for a whole number");
  push_integer(value);
  if (huge) top().text = number;
}

void PickleMachine::push_real(std::string_view digits) {
  double value = 0;
  if (parse(digits, value) != std::errc()) fail("has '", printable(digits), "' for a number");
  push(Kind::real).real = value;
}

void PickleMachine::push_double(uint64_t bits) {
  push(Kind::real).real = std::bit_cast<double>(__builtin_bswap64(bits));
}

void PickleMachine::push_text(Kind kind, uint64_t length) {
  const std::string_view text = take(length);
  push(kind).text = text;
}

void PickleMachine::push_group(Kind kind, std::vector<uint32_t> items) {
  if (kind == Kind::dict && items.size() % 2 != 0) fail("has a key without a value");
  push(kind).items = std::move(items);
}

void PickleMachine::push_tuple(size_t length) {
  std::vector<uint32_t> items(length);
  for (size_t i = length; i > 0; --i) items[i - 1] = pop();
  push_group(Kind::tuple, std::move(items));
}

void PickleMachine::extend(Kind kind, const std::vector<uint32_t>& items) {
  PickleValue& value = top();
  if (value.kind != kind && value.kind != Kind::object) fail("adds elements to what has none");
  if (kind == Kind::dict && items.size() % 2 != 0) fail("has a key without a value");
  value.items.insert(value.items.end(), items.begin(), items.end());
}

void PickleMachine::set_item() {
  const uint32_t value = pop(), key = pop();
  extend(Kind::dict, {key, value});
}

void PickleMachine::put(uint64_t key) {
  if (memo_.size() >= kMostValues) fail("remembers more than ", kMostValues, " values");
  memo_[key] = push(pop());
}

void PickleMachine::get(uint64_t key) {
  const auto found = memo_.find(key);
  if (found == memo_.end()) fail("asks for value ", key, ", which it did not keep");
  push(found->second);
}

void PickleMachine::push_global(std::string_view module, std::string_view name) {
  const std::string_view place = module == "__builtin__" ? "builtins" : module;
  const auto found = allowed_.find(std::string(place) + "." + std::string(name));
  if (found == allowed_.end()) {
    fail("asks to call ", printable(place), ".", printable(name),
         "; nothing of it was run, for only tensors and plain values are read. If you trust its "
         "source, save the weights alone in Python: torch.save(model.state_dict(), 'weights.pth')");
  }
  push(Kind::global).text = *found;
}

void PickleMachine::push_stack_global() {
  const PickleValue& name = pickle_.at(pop());
  const PickleValue& module = pickle_.at(pop());
  if (name.kind != Kind::text || module.kind != Kind::text) fail("names a global by no text");
  push_global(module.text, name.text);
}

void PickleMachine::push_object() {
  const uint32_t arguments = pop(), callee = pop();
  if (pickle_.at(callee).kind != Kind::global) fail("calls what is no class or function");
  if (pickle_.at(arguments).kind != Kind::tuple) fail("calls without a tuple of arguments");
  PickleValue& made = push(Kind::object);
  made.made_by = callee;
  made.arguments = arguments;
}

void PickleMachine::push_persistent() {
  const uint32_t id = pop();
  push(Kind::persistent).arguments = id;
}

}  // namespace vicinity
