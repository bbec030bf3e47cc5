#include "models/weights/torch_names.h"

#include <map>

namespace vicinity {
namespace {

const std::map<std::string, std::string, std::less<>>& dtypes() {
  static const std::map<std::string, std::string, std::less<>> all = {
      {"torch.DoubleStorage", "F64"},
      {"torch.FloatStorage", "F32"},
      {"torch.HalfStorage", "F16"},
      {"torch.BFloat16Storage", "BF16"},
      {"torch.LongStorage", "I64"},
      {"torch.IntStorage", "I32"},
      {"torch.ShortStorage", "I16"},
      {"torch.CharStorage", "I8"},
      {"torch.ByteStorage", "U8"},
      {"torch.BoolStorage", "BOOL"},
      {"torch.ComplexFloatStorage", "C64"},
      {"torch.ComplexDoubleStorage", "C128"},
      {"torch.float64", "F64"},
      {"torch.float32", "F32"},
      {"torch.float16", "F16"},
      {"torch.bfloat16", "BF16"},
      {"torch.float8_e4m3fn", "F8_E4M3"},
      {"torch.float8_e5m2", "F8_E5M2"},
      {"torch.int64", "I64"},
      {"torch.int32", "I32"},
      {"torch.int16", "I16"},
      {"torch.int8", "I8"},
      {"torch.uint64", "U64"},
      {"torch.uint32", "U32"},
      {"torch.uint16", "U16"},
      {"torch.uint8", "U8"},
      {"torch.bool", "BOOL"},
      {"torch.complex64", "C64"},
      {"torch.complex128", "C128"},
  };
  return all;
}

const AllowedGlobals& rebuilders() {
  static const AllowedGlobals all = {
      "torch._utils._rebuild_tensor",
      "torch._utils._rebuild_tensor_v2",
      "torch._utils._rebuild_tensor_v3",
      "torch._utils._rebuild_parameter",
      "torch._utils._rebuild_parameter_with_state",
      "torch._tensor._rebuild_from_type_v2",
  };
  return all;
}

}  // namespace

const AllowedGlobals& torch_globals() {
  static const AllowedGlobals all = [] {
    AllowedGlobals names = {"collections.OrderedDict",
                            "collections.defaultdict",
                            "collections.Counter",
                            "builtins.dict",
                            "builtins.set",
                            "builtins.frozenset",
                            "builtins.list",
                            "builtins.tuple",
                            "builtins.int",
                            "builtins.float",
                            "builtins.complex",
                            "builtins.bool",
                            "builtins.str",
                            "builtins.bytes",
                            "builtins.bytearray",
                            "builtins.slice",
                            "builtins.range",
                            "builtins.object",
                            "copyreg._reconstructor",
                            "copy_reg._reconstructor",
                            "_codecs.encode",
                            "argparse.Namespace",
                            "pathlib.Path",
                            "pathlib.PosixPath",
                            "pathlib.PurePosixPath",
                            "pathlib.WindowsPath",
                            "datetime.datetime",
                            "datetime.timedelta",
                            "torch.storage.UntypedStorage",
                            "torch.UntypedStorage",
                            "torch.Size",
                            "torch.device",
                            "torch.Tensor",
                            "torch.nn.parameter.Parameter",
                            "numpy.dtype",
                            "numpy.ndarray",
                            "numpy.core.multiarray.scalar",
                            "numpy._core.multiarray.scalar",
                            "numpy.core.multiarray._reconstruct",
                            "numpy._core.multiarray._reconstruct",
                            "numpy.core.numeric._frombuffer",
                            "numpy._core.numeric._frombuffer"};
    names.insert(rebuilders().begin(), rebuilders().end());
    for (const auto& [name, dtype] : dtypes()) names.insert(name);
    return names;
  }();
  return all;
}

std::string dtype_named(std::string_view global) {
  const auto found = dtypes().find(global);
  return found == dtypes().end() ? "" : found->second;
}

bool makes_tensor(std::string_view global) { return rebuilders().contains(global); }

}  // namespace vicinity
