#include "train/run/saving.h"

#include "core/base/log.h"

namespace vicinity {

void Saving::restore() {
  state_ = checkpoints_.load_last(*parts_.model, *parts_.optimizer);
  VIC_CHECK(DataError, state_.data_fingerprint == parts_.data.train->fingerprint(),
            "the training images are not those that this run was started with (names, labels or "
            "sizes differ); point data.root at the old ones, or start a new run with "
            "model.weights=RUN");
  parts_.model->store().refresh_copies();
  parts_.trainer->set_steps_done(state_.step);
  saved_at_ = state_.step;
  log_info("resumed at step ", state_.step, " of ", parts_.length.steps);
}

bool Saving::due(int64_t steps) const {
  const int64_t every = parts_.config.train.save_every;
  return every > 0 && steps % every == 0;
}

void Saving::save() {
  state_.step = parts_.steps_done();
  state_.seed = parts_.config.seed;
  state_.data_fingerprint = parts_.data.train->fingerprint();
  checkpoints_.save(*parts_.model, *parts_.optimizer, parts_.config.data.transform, state_,
                    parts_.config.train.keep_last);
  saved_at_ = state_.step;
}

}  // namespace vicinity
