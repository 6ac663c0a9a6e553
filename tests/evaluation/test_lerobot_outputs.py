import json

import numpy as np

from lerobot_anchorvla.evaluation.lerobot_outputs import learning_curve, read_eval


def test_the_learning_curve_counts_the_steps_that_lerobot_rounds(tmp_path):
    log = tmp_path / "train.log"
    log.write_text(
        "INFO step:1K smpl:32K ep:9 epch:0.09 loss:0.457 grdn:2.950 score_loss:0.186\r\n"
        "Training:  10%|#| 1/10\rINFO step:1K smpl:33K ep:9 epch:0.09 loss:0.400 grdn:2.9\n"
    )
    steps, losses = learning_curve(log, 20)
    np.testing.assert_array_equal(steps, [20, 40])
    np.testing.assert_array_equal(losses, [0.457, 0.4])


def test_an_evaluation_is_read_episode_by_episode(tmp_path):
    tasks = [{"metrics": {"successes": [True, False, True]}}, {"metrics": {"successes": [True]}}]
    (tmp_path / "eval_info.json").write_text(json.dumps({"per_task": tasks, "overall": {"eval_s": 8.0}}))
    result = read_eval(tmp_path)
    assert (result.rate.successes, result.rate.trials, result.seconds) == (3, 4, 8.0)
