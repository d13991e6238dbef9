#!/usr/bin/env python3
"""What TorchJD makes of fixed gradients: the expected values of crates/umbel/src/weighting/tests.rs.

    pip install torch torchjd quadprog qpsolvers cvxpy ecos
    python tools/golden/weightings.py
"""

import torch
from torchjd.aggregation import MGDA, CAGrad, NashMTL, PCGrad, UPGrad

GRADIENTS = {
    "two": [[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]],
    "three": [[1.0, 0.2, 0.0, 0.5], [-0.8, 1.0, 0.3, 0.0], [0.1, -0.9, 1.0, -0.4]],
    "agree": [[1.0, 0.5, 0.0, 0.2], [0.5, 1.0, 0.1, 0.0], [0.7, 0.2, 0.4, 0.1]],
}


def main():
    torch.set_printoptions(precision=6)
    for name, gradients in GRADIENTS.items():
        jacobian = torch.tensor(gradients)
        n = len(gradients)
        aggregators = {
            "upgrad": UPGrad(), "cagrad": CAGrad(c=0.5), "mgda": MGDA(epsilon=1e-9, max_iters=200000),
            "nash_mtl": NashMTL(n_tasks=n, max_norm=0.0, optim_niter=200),
        }
        if n == 2:
            aggregators["pcgrad"] = PCGrad()
        for method, aggregator in aggregators.items():
            print(name, method, [round(x, 6) for x in aggregator(jacobian).tolist()])


if __name__ == "__main__":
    main()
