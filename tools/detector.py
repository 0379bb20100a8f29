"""Learn the weights of the `webrtc` voice detector from made-up scenes, and write them into the package.

    python3 tools/detector.py --scenes 600        needs espeak-ng; some minutes on all cores

How good they are is not judged here but by `ossicle bench --vad`, on speech, noise and recordings that took
no part in learning.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import webrtcvad
from scenes import RATE, scene

from ossicle.audio.vad.cues import FRAME_SIZE
from ossicle.audio.vad.webrtc import MODE, WEIGHTS, Seen

Floats = npt.NDArray[np.float32]
Marks = npt.NDArray[np.bool_]

UNITS = 24
EPOCHS, BATCH = 14, 512
NOISE_COUNTS = 1.0  # as much as speech
OUTLIER = 6.0  # standard deviations from the mean, beyond which an input is not believed while learning


class AdamW:
    """Steps downhill, as long in every weight as its slope is sure (Loshchilov and Hutter, 2019)."""

    def __init__(self, weights: list[Floats], steps: int, rate: float = 2e-3, decay: float = 0.01) -> None:
        self._weights, self._steps, self._rate, self._decay = weights, steps, rate, decay
        self._mean = [np.zeros_like(each) for each in weights]
        self._square = [np.zeros_like(each) for each in weights]
        self._step = 0

    def step(self, slopes: list[Floats]) -> None:
        """Change the weights in place; steps become shorter until there are none left."""
        self._step += 1
        rate = self._rate * (1 - self._step / self._steps)
        for each, mean, square, slope in zip(self._weights, self._mean, self._square, slopes, strict=True):
            mean += 0.1 * (slope - mean)
            square += 0.001 * (slope * slope - square)
            sure = mean / (1 - 0.9**self._step) / (np.sqrt(square / (1 - 0.999**self._step)) + 1e-8)
            each -= rate * (sure + (self._decay * each if each.ndim > 1 else 0))


def examples(number: int) -> tuple[Floats, Marks]:
    """What the detector sees in a scene where WebRTC's own would let it pass, and whether it was speech."""
    samples, speech = scene(number)
    own, seen, before = webrtcvad.Vad(MODE), Seen(), False
    inputs, truth = [], []
    for at in range(0, len(samples) - FRAME_SIZE + 1, FRAME_SIZE):
        vad_frame = samples[at : at + FRAME_SIZE]
        now = bool(own.is_speech(vad_frame.tobytes(), RATE))
        values = seen.hear(vad_frame)
        if now or before:
            inputs.append(values.ravel().astype(np.float16))
            truth.append(speech[at : at + FRAME_SIZE].mean() > 0.5)
        before = now
    return np.array(inputs, np.float16).reshape(len(inputs), seen.values.size), np.array(truth, bool)


def gather(scenes: int) -> tuple[Floats, Marks]:
    """The examples of so many scenes."""
    with ProcessPoolExecutor() as pool:
        parts = list(pool.map(examples, range(scenes), chunksize=4))
    return np.concatenate([part for part, _ in parts]), np.concatenate([part for _, part in parts])


def learn(inputs: Floats, truth: Marks, seed: int = 0) -> dict[str, Floats]:
    """One hidden layer of rectified units; the inputs' mean and spread end up in its weights."""
    draw = np.random.default_rng(seed)
    mean, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-3
    counts = np.where(truth, 1 / truth.mean(), NOISE_COUNTS / (1 - truth.mean())).astype(np.float32)
    counts /= counts.mean()
    weights = start(inputs.shape[1], draw)
    batches = len(truth) // BATCH
    down = AdamW(weights, EPOCHS * batches)
    for epoch in range(EPOCHS):
        order, wrong = draw.permutation(len(truth)), 0.0
        for chosen in order[: batches * BATCH].reshape(batches, BATCH):
            x = np.clip((inputs[chosen] - mean) / spread, -OUTLIER, OUTLIER)
            error, slopes = descend(weights, x, truth[chosen], counts[chosen])
            wrong += error
            down.step(slopes)
        print(f"epoch {epoch + 1}: mean error {wrong / batches:.3f}", file=sys.stderr, flush=True)
    hidden = (weights[0] / spread[:, None]).T
    return {
        "hidden": np.ascontiguousarray(hidden, np.float32),
        "hidden_bias": (weights[1] - hidden @ mean).astype(np.float32),
        "out": weights[2],
        "out_bias": weights[3][0],
    }


def start(width: int, draw: np.random.Generator) -> list[Floats]:
    """Random weights to begin with: of the hidden layer, its bias, those of the output, its bias."""
    return [
        draw.normal(0, np.sqrt(2 / width), (width, UNITS)).astype(np.float32),
        np.zeros(UNITS, np.float32),
        draw.normal(0, np.sqrt(1 / UNITS), UNITS).astype(np.float32),
        np.zeros(1, np.float32),
    ]


def descend(weights: list[Floats], x: Floats, truth: Marks, counts: Floats) -> tuple[float, list[Floats]]:
    """The mean error of a batch, and the slope of its cross-entropy in every weight."""
    units = np.maximum(x @ weights[0] + weights[1], 0)
    error = 1 / (1 + np.exp(-(units @ weights[2] + weights[3]))) - truth
    slope = error * counts / len(truth)
    back = np.outer(slope, weights[2]) * (units > 0)
    slopes = [x.T @ back, back.sum(axis=0), units.T @ slope, slope.sum(keepdims=True)]
    return float((np.abs(error) * counts).mean()), slopes


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=int, default=600, help="of 25 s each (default 600)")
    parser.add_argument(
        "--keep", type=Path, metavar="FILE", help="keep the examples, or take those kept there"
    )
    asked = parser.parse_args()
    if asked.keep and asked.keep.exists():
        with np.load(asked.keep) as kept:
            inputs, truth = kept["inputs"], kept["truth"]
    else:
        inputs, truth = gather(asked.scenes)
        if asked.keep:
            np.savez(asked.keep, inputs=inputs, truth=truth)
    print(f"{len(truth)} VAD frames, {truth.mean():.0%} of them speech", file=sys.stderr)
    np.savez_compressed(WEIGHTS, **learn(inputs.astype(np.float32), truth))
    return 0


if __name__ == "__main__":
    sys.exit(main())
