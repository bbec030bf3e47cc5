// Rows of `vicinity embed` on their way from the rank that computes them to the one that writes.
#pragma once

#include <string>
#include <vector>

#include "core/comm/communicator.h"
#include "models/parameter_store.h"
#include "train/cli/image_model.h"

namespace vicinity {

/// Neighbours of the list, of one size, which have gone through the model together; or one that
/// could not be used.
struct EmbeddedRows {
  std::vector<NamedTensor> outputs;  // each [images, ...]; none: the image could not be used
  Extent seen;                       // size of the images, as the model saw them
};

/// A batch of the list. Images that could not be used are named on standard error.
std::vector<EmbeddedRows> embed(ImageModel& model, const std::vector<Query>& queries);

/// The batches of all ranks, in their order, on rank 0; nothing elsewhere. `comm`: absent: `own`.
std::vector<std::vector<EmbeddedRows>> gather_rows(std::vector<EmbeddedRows> own,
                                                   Communicator* comm);

}  // namespace vicinity
