// The words of `vicinity embed --outputs`, and the arrays that they bring.
#pragma once

#include <string>
#include <vector>

#include "models/model.h"

namespace vicinity {

/// "pooled,hidden_states,features.stage3": what to ask of the model, and, into config.backbone,
/// which feature maps. `features` alone is the stages that config.json names. UsageError with the
/// nearest name for a word that is none.
OutputRequest parse_outputs(const std::string& words, ModelConfig& config);

/// The outputs under the names of their arrays, one row an image, f32: pooled, last_hidden_state,
/// hidden_states.I, reshaped_hidden_states.I, attentions.I, logits, features.STAGE.
std::vector<NamedTensor> named_outputs(const Outputs& outputs, const ModelConfig& config);

}  // namespace vicinity
