"""What TensorBoard reads in the event files of a run; run by test_metrics.py with an interpreter that has it.

usage: read_events.py RUN       prints {tag: [[step, value], ...]} as JSON
"""
import json
import logging
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

logging.getLogger("tensorboard").setLevel(logging.ERROR)
run = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0}).Reload()
print(json.dumps({tag: [[event.step, event.value] for event in run.Scalars(tag)] for tag in run.Tags()["scalars"]}))
