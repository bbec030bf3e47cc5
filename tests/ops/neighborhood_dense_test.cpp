#include "tests/ops/neighborhood_dense_cases.h"

namespace vicinity::testing {
namespace {

TEST(NeighborhoodAttention, DenseGroups) { check_backends(neighborhood_dense_cases()); }

}  // namespace
}  // namespace vicinity::testing
