// Where a model lies, and what to do where it does not.
#pragma once

#include <string>

namespace vicinity {

/// Why there are no weights at `path`: for a name on the Hugging Face hub (facebook/dinov2-small)
/// or of a published file (dinov2_vits14_pretrain.pth), the files that are needed and the commands
/// that download them. Nothing here uses the network.
std::string no_weights_text(const std::string& path);

}  // namespace vicinity
