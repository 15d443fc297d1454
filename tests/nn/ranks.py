"""What each rank runs in the tests of several: ``torchrun --nproc-per-node 2 ranks.py CASE FOLDER``."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import nn
from torch.distributed.checkpoint.state_dict import get_model_state_dict, set_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from ellzero.nn import HardConcrete, Target, attach, compress, neurons, weights

ROWS, STEPS = 24, 6


def network():
    torch.manual_seed(37)
    return nn.Sequential(nn.Linear(6, 19), nn.ReLU(), nn.Linear(19, 14), nn.ReLU(), nn.Linear(14, 1)).double()


def data():
    x = torch.randn(STEPS, ROWS, 6, generator=torch.Generator().manual_seed(19), dtype=torch.float64)
    return x, x[..., :1] * 1.9 - x[..., 3:4] * 0.37


def gated(model, selector):
    gates = attach(model, torch.zeros(2, 6, dtype=torch.float64), selector, gate=HardConcrete(), random_state=7)
    return gates


def train(call, parameters, gates, rank=0, ranks=1, steps=STEPS):
    """SGD on this rank's rows of every batch."""
    optimizer, goal = torch.optim.SGD(parameters, lr=0.05), Target(gates, params=0.5)
    x, y = data()
    for i in range(steps):
        part = slice(rank * ROWS // ranks, (rank + 1) * ROWS // ranks)
        ((call(x[i, part]) - y[i, part]) ** 2).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        goal.step()
    return goal


def summary(gates):
    return {name: value.detach().clone() for name, value in gates.logits.items()}


def replicas(folder, rank, ranks):
    model = network()
    gates = gated(model, neurons())
    train(DistributedDataParallel(model), model.parameters(), gates, rank, ranks)
    torch.save({"logits": summary(gates), "kept": gates.kept(), "model": model.state_dict()}, folder / f"rank{rank}.pt")


def sharded(folder, rank, ranks, selector, shard_gates):
    model = network()
    gates = gated(model, selector)
    mesh = init_device_mesh("cpu", (ranks,))
    for layer in (model[0], model[2], model[4]):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    if shard_gates:
        fully_shard(gates, mesh=mesh)
    train(model, model.parameters(), gates, rank, ranks)
    dcp.save({"model": get_model_state_dict(model), "gates": gates.state_dict()}, checkpoint_id=str(folder / "dcp"))
    model.eval()
    x, _ = data()
    with torch.no_grad():
        output = model(x[0])
    torch.save({"logits": summary(gates), "kept": gates.kept(), "output": output}, folder / f"rank{rank}.pt")


def resharded(folder, selector):
    """One process reads what two wrote, and compresses it."""
    model = network()
    gates = gated(model, selector)
    state = {"model": model.state_dict(), "gates": gates.state_dict()}
    dcp.load(state, checkpoint_id=str(folder / "dcp"), no_dist=True)
    set_model_state_dict(model, state["model"])
    gates.load_state_dict(state["gates"])
    goal = Target(gates, params=0.5)
    model.eval()
    x, _ = data()
    with torch.no_grad():
        answer = {
            "logits": summary(gates),
            "kept": gates.kept(),
            "output": model(x[0]),
            "small": compress(model, gates)(x[0]),
        }
    assert goal.full > 0
    return answer


def main(case, folder):
    dist.init_process_group("gloo")
    rank, ranks = dist.get_rank(), dist.get_world_size()
    if case == "replicas":
        replicas(folder, rank, ranks)
    elif case == "sharded":
        sharded(folder, rank, ranks, neurons(), shard_gates=False)
    else:
        sharded(folder, rank, ranks, weights(), shard_gates=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1], Path(sys.argv[2]))
