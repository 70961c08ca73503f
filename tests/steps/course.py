"""Do the steps of `example` for a params file: a process that a test can kill."""

import sys

from analysis.sources.land import embedded_engine, land
from analysis.sources.params import read_params
from analysis.steps.declaration import Occasion
from analysis.steps.graph import graph_of
from analysis.steps.running import bring_up_to_date
from analysis.steps.working import steps_in

if __name__ == "__main__":
    bank = read_params(sys.argv[1])
    with embedded_engine(bank) as con:
        verdicts = land(bank, con)
    names = ("balances", "total", "told", "sample", "sampled", "owed")
    steps = {n: s for n, s in steps_in("tests.steps.example").items() if n in names}
    graph = graph_of(steps, Occasion(bank, None, bank.quarters.last))
    bring_up_to_date(bank, graph, verdicts)
