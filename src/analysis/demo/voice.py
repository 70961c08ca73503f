"""What the demo bank's customers say, and whom its campaigns reach."""

import numpy as np
import pyarrow as pa

from analysis.demo import plan
from analysis.demo.columns import days, numbered
from analysis.demo.people import QUARTERS, STARTS, People

QUARTER_DAYS = np.array([(q.end - q.start).days + 1 for q in QUARTERS])


def survey_tables(rng: np.random.Generator, people: People) -> dict[str, pa.Table]:
    """Questionnaires of persons who were with the bank, and their scores: each item shows an attitude, with noise."""
    who, when = [], []
    for q in range(len(QUARTERS)):
        there = ~people.corporate & (people.joined <= q) & (people.left > q)
        answering = np.flatnonzero(there & (rng.random(len(people)) < plan.ANSWER_RATE))
        who.append(answering)
        when.append(np.full(len(answering), q))
    customer, quarter = np.concatenate(who), np.concatenate(when)
    n = len(customer)
    number = people.first * 4 + np.arange(n)
    day = STARTS[quarter] + (rng.random(n) * QUARTER_DAYS[quarter]).astype(int)
    day = np.maximum(day, people.since[customer])
    says = rng.random(n) < 0.2
    comment = np.array(plan.COMMENTS)[rng.integers(0, len(plan.COMMENTS), n)]
    surveys = pa.table(
        {
            "survey_id": numbered("Q", number),
            "customer_id": numbered("C", people.first + customer),
            "answered_on": days(day),
            "comment": pa.array(comment, pa.string(), mask=~says),
        }
    )

    latent = {d: people.attitudes[customer, quarter, i] for i, d in enumerate(plan.DRIVERS)}
    latent["loyalty"] = people.loyalty[customer, quarter]
    latent["satisfaction"] = latent["loyalty"] / plan.SATISFACTION_TO_LOYALTY
    ids, items, scores = [], [], []
    for dimension, names in plan.ITEMS.items():
        for name in names:
            score = np.clip(np.rint(6.4 + 1.5 * latent[dimension] + rng.normal(0, 0.9, n)), 1, 10).astype(int)
            answered = rng.random(n) < 0.97
            ids.append(number[answered])
            items.append(np.full(answered.sum(), name))
            scores.append(score[answered])
    survey_scores = pa.table(
        {
            "survey_id": numbered("Q", np.concatenate(ids)),
            "item": pa.array(np.concatenate(items), pa.string()),
            "score": np.concatenate(scores),
        }
    )
    return {"surveys": surveys, "survey_scores": survey_scores}


def campaign_tables(rng: np.random.Generator, people: People) -> dict[str, pa.Table]:
    """Complaints, campaign contacts with a control group, and follow-ups by staff."""
    n = len(people)
    unhappy = np.flatnonzero(~people.corporate & (rng.random(n) < 0.06 / (1 + np.exp(people.attitudes[:, 0, 1]))))
    quarter = rng.integers(0, np.maximum(people.left[unhappy], 1))
    complaints = pa.table(
        {
            "complaint_id": numbered("Z", people.first + np.arange(len(unhappy))),
            "customer_id": numbered("C", people.first + unhappy),
            "received_on": days(STARTS[quarter] + rng.integers(0, 85, len(unhappy))),
            "text": pa.array(
                np.array(plan.COMPLAINTS)[rng.integers(0, len(plan.COMPLAINTS), len(unhappy))], pa.string()
            ),
        }
    )
    reached = np.flatnonzero(~people.corporate & (rng.random(n) < 0.3))
    campaign = rng.integers(0, 4, len(reached))
    treated = rng.random(len(reached)) < 0.8
    response = rng.random(len(reached)) < np.where(treated, 0.09, 0.05)
    contacts = pa.table(
        {
            "contact_id": numbered("N", people.first + np.arange(len(reached))),
            "customer_id": numbered("C", people.first + reached),
            "campaign_id": numbered("G", campaign, 3),
            "treated": treated,
            "contacted_on": days(
                np.where(treated, STARTS[2 * campaign] + rng.integers(10, 60, len(reached)), np.datetime64("NaT"))
            ),
            "channel": pa.array(np.array(["phone", "mobile"])[rng.integers(0, 2, len(reached))], pa.string()),
            "response": response,
        }
    )
    done = min(40, n // 100)
    follow_ups = pa.table(
        {
            "follow_up_id": numbered("F", people.first + np.arange(done)),
            "subject_id": numbered("L", rng.integers(0, 10**6, done)),
            "staff_id": numbered("S", rng.integers(0, 4, done), 6),
            "done_on": days(STARTS[-1] - rng.integers(1, 300, done)),
            "outcome": pa.array(
                np.array(["sold", "declined", "not_reached", "cleared"])[rng.integers(0, 4, done)], pa.string()
            ),
        }
    )
    return {"complaints": complaints, "contacts": contacts, "follow_ups": follow_ups}
