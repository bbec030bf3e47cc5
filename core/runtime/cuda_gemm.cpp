// Matrix products of core/runtime/cuda_api.h through cublasLt. cublasLt thinks in columns: the
// row-major c = a b is its column-major c' = b' a', so operands change places.
#include <cublasLt.h>

#include <array>
#include <cstdint>
#include <map>

#include "core/base/error.h"
#include "core/runtime/cuda_api.h"

namespace vicinity::cuda_api {
namespace {

void check(cublasStatus_t status, const char* call) {
  VIC_CHECK(DeviceError, status == CUBLAS_STATUS_SUCCESS, call, ": ", cublasLtGetStatusName(status),
            ", ", cublasLtGetStatusString(status));
}
#define VIC_BLAS(call) check(call, #call)

cudaDataType_t type_of(DType dtype) { return dtype == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F; }

// The largest power of two, at most 16, that divides an address: what algorithms may count on.
// Wider loads there are none, and what a tensor has beyond 16 bytes is an accident of where there
// was room: another algorithm for it would give other bits in a recorded step than op by op.
uint32_t alignment_of(const void* data) {
  const auto bits = reinterpret_cast<uintptr_t>(data) | 16;
  return static_cast<uint32_t>(bits & ~(bits - 1));
}

// All that decides which algorithm is used. Bits depend on it, so it is a function of this alone:
// the first that cublasLt proposes.
using Key = std::array<int64_t, 12>;
Key key_of(const Gemm& p) {
  return {p.m,
          p.n,
          p.k,
          p.batch,
          p.a_transposed,
          p.b_transposed,
          static_cast<int64_t>(p.in),
          static_cast<int64_t>(p.out),
          p.bias != nullptr,
          alignment_of(p.a),
          alignment_of(p.b),
          alignment_of(p.c)};
}

struct Prepared {
  cublasLtMatmulDesc_t product = nullptr;
  cublasLtMatrixLayout_t left = nullptr, right = nullptr, result = nullptr;
  cublasLtMatmulAlgo_t algorithm{};
};

cublasLtMatrixLayout_t layout(DType dtype, int64_t rows, int64_t columns, int64_t batch) {
  cublasLtMatrixLayout_t made = nullptr;
  VIC_BLAS(cublasLtMatrixLayoutCreate(&made, type_of(dtype), static_cast<uint64_t>(rows),
                                      static_cast<uint64_t>(columns), rows));
  const auto count = static_cast<int32_t>(batch);
  const int64_t stride = rows * columns;
  VIC_BLAS(cublasLtMatrixLayoutSetAttribute(made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count,
                                            sizeof count));
  VIC_BLAS(cublasLtMatrixLayoutSetAttribute(made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                            &stride, sizeof stride));
  return made;
}

template <class T>
void set(cublasLtMatmulDesc_t product, cublasLtMatmulDescAttributes_t what, const T& value) {
  VIC_BLAS(cublasLtMatmulDescSetAttribute(product, what, &value, sizeof value));
}
template <class T>
void prefer(cublasLtMatmulPreference_t wishes, cublasLtMatmulPreferenceAttributes_t what,
            const T& value) {
  VIC_BLAS(cublasLtMatmulPreferenceSetAttribute(wishes, what, &value, sizeof value));
}

cublasLtMatmulDesc_t describe(const Gemm& p) {
  cublasLtMatmulDesc_t product = nullptr;
  VIC_BLAS(cublasLtMatmulDescCreate(&product, CUBLAS_COMPUTE_32F, CUDA_R_32F));
  set(product, CUBLASLT_MATMUL_DESC_TRANSA, p.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(product, CUBLASLT_MATMUL_DESC_TRANSB, p.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
  if (p.bias != nullptr) {
    set(product, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    set(product, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, static_cast<int32_t>(type_of(p.out)));
    set(product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias);
  }
  return product;
}

// Partial sums of a split inner dimension stay f32 and are added in a step of their own.
cublasLtMatmulAlgo_t choose(cublasLtHandle_t handle, const Gemm& p, const Prepared& made,
                            size_t workspace_bytes) {
  cublasLtMatmulPreference_t wishes = nullptr;
  VIC_BLAS(cublasLtMatmulPreferenceCreate(&wishes));
  prefer(wishes, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<uint64_t>(workspace_bytes));
  prefer(wishes, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
         static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  prefer(wishes, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment_of(p.b));
  prefer(wishes, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment_of(p.a));
  prefer(wishes, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment_of(p.c));
  prefer(wishes, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment_of(p.c));
  cublasLtMatmulHeuristicResult_t found{};
  int count = 0;
  const cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(handle, made.product, made.left, made.right, made.result,
                                     made.result, wishes, 1, &found, &count);
  cublasLtMatmulPreferenceDestroy(wishes);
  VIC_CHECK(DeviceError, status == CUBLAS_STATUS_SUCCESS && count == 1,
            "cublasLt has no algorithm for the product ", p.m, " x ", p.n, " x ", p.k, " of ", p.in,
            " into ", p.out, ": ", cublasLtGetStatusString(status));
  return found.algo;
}

}  // namespace

struct BlasHandle {
  cublasLtHandle_t handle = nullptr;
  std::map<Key, Prepared> prepared;  // descriptors are made once per shape
};

namespace {

Prepared& prepare(BlasHandle& blas, const Gemm& p, size_t workspace_bytes) {
  const auto [at, is_new] = blas.prepared.try_emplace(key_of(p));
  Prepared& made = at->second;
  if (!is_new) return made;
  made.product = describe(p);
  made.left = p.b_transposed ? layout(p.in, p.k, p.n, p.batch) : layout(p.in, p.n, p.k, p.batch);
  made.right = p.a_transposed ? layout(p.in, p.m, p.k, p.batch) : layout(p.in, p.k, p.m, p.batch);
  made.result = layout(p.out, p.n, p.m, p.batch);
  made.algorithm = choose(blas.handle, p, made, workspace_bytes);
  return made;
}

}  // namespace

Blas create_blas() {
  auto* blas = new BlasHandle;
  VIC_BLAS(cublasLtCreate(&blas->handle));
  return blas;
}

void gemm(Blas blas, const Gemm& p, void* workspace, size_t workspace_bytes, Stream stream) {
  Prepared& made = prepare(*blas, p, workspace_bytes);
  if (p.bias != nullptr) set(made.product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias);
  const float one = 1, zero = 0;
  VIC_BLAS(cublasLtMatmul(blas->handle, made.product, &one, p.b, made.left, p.a, made.right, &zero,
                          p.c, made.result, p.c, made.result, &made.algorithm, workspace,
                          workspace_bytes, reinterpret_cast<cudaStream_t>(stream)));
}

}  // namespace vicinity::cuda_api
