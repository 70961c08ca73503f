"""What the demo bank's customers say, and what staff did about it."""

import numpy as np
import pyarrow as pa

from analysis.demo import plan
from analysis.demo.columns import days, numbered
from analysis.demo.people import GROUPS, QUARTERS, STARTS, People

QUARTER_DAYS = np.array([(q.end - q.start).days + 1 for q in QUARTERS])


def survey_tables(rng: np.random.Generator, people: People) -> dict[str, pa.Table]:
    """Questionnaires of persons who were with the bank, and their scores: each item shows an
    attitude, with noise.
    """
    who, when = [], []
    rate = np.array([plan.ANSWER_RATES.get(g.name, 0.0) for g in GROUPS])[people.group]
    for q in range(len(QUARTERS)):
        there = ~people.corporate & (people.joined <= q) & (people.left > q)
        answering = np.flatnonzero(there & (rng.random(len(people)) < rate))
        who.append(answering)
        when.append(np.full(len(answering), q))
    customer, quarter = np.concatenate(who), np.concatenate(when)
    n = len(customer)
    number = people.first * 4 + np.arange(n)
    day = STARTS[quarter] + (rng.random(n) * QUARTER_DAYS[quarter]).astype(int)
    day = np.maximum(day, people.since[customer])
    says = rng.random(n) < plan.COMMENT_RATE
    comment, theme = written(rng, people, customer, quarter, may_praise=True)
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
    latent["satisfaction"] = people.satisfaction[customer, quarter]
    ids, items, scores = [], [], []
    for dimension, names in plan.ITEMS.items():
        for name in names:
            score = np.clip(
                np.rint(6.4 + 1.5 * latent[dimension] + rng.normal(0, 0.9, n)), 1, 10
            ).astype(int)
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
    truth = pa.table(
        {"text_id": numbered("Q", number[says]), "theme": pa.array(theme[says], pa.string())}
    )
    return {"surveys": surveys, "survey_scores": survey_scores, "truth/comments": truth}


def written(
    rng: np.random.Generator,
    people: People,
    customer: np.ndarray,
    quarter: np.ndarray,
    may_praise: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """What each of these customers writes in that quarter, and the theme: the worse an attitude,
    the more likely its theme.
    """
    n = len(customer)
    attitude = people.attitudes[customer, quarter]
    praises = may_praise & (rng.random(n) < 1 / (1 + np.exp(-2 * attitude.mean(axis=1))))
    dimension = [list(plan.DRIVERS).index(t.dimension) for t in plan.THEMES]
    praise = np.array([t.praise for t in plan.THEMES])
    pull = np.exp(np.where(praise, 1, -1) * 1.2 * attitude[:, dimension]) * (
        praise == praises[:, None]
    )
    theme = (rng.random((n, 1)) < (pull / pull.sum(axis=1, keepdims=True)).cumsum(axis=1)).argmax(
        axis=1
    )
    chinese = rng.random(n) < plan.CHINESE_SHARE
    variant, tail, call = rng.integers(0, 60, (3, n))
    says_who = rng.random(n) < plan.SAYS_WHO
    names = (
        plan.SURNAMES[people.name // len(plan.GIVEN_NAMES)]
        + plan.GIVEN_NAMES[people.name % len(plan.GIVEN_NAMES)]
    )
    texts = []
    for i in range(n):
        wording = plan.THEMES[theme[i]]
        phrases, tails, calls = (
            (wording.chinese, plan.CHINESE_TAILS, plan.CHINESE_CALLS)
            if chinese[i]
            else (wording.english, plan.ENGLISH_TAILS, plan.ENGLISH_CALLS)
        )
        text = phrases[variant[i] % len(phrases)] + (
            "" if wording.praise else tails[tail[i] % len(tails)]
        )
        if says_who[i]:
            text += calls[call[i] % 2].format(
                name=names[customer[i]], phone=f"138{call[i] * 1_234_567 % 100_000_000:08d}"
            )
        texts.append(text)
    return np.array(texts, dtype=object), np.array([t.name for t in plan.THEMES])[theme]


def complaint_tables(rng: np.random.Generator, people: People) -> dict[str, pa.Table]:
    """Complaints, and what each is about."""
    complaints, truth = _complaints(rng, people)
    return {"complaints": complaints, "truth/complaints": truth}


def _complaints(rng: np.random.Generator, people: People) -> tuple[pa.Table, pa.Table]:
    """Complaints of unhappy persons, and what each is about."""
    worst = people.attitudes.min(axis=2)
    quarters = np.arange(len(QUARTERS))
    there = (people.joined[:, None] <= quarters) & (people.left[:, None] > quarters)
    chance = 2 * plan.COMPLAINT_RATE / (1 + np.exp(1.5 * (worst + 1)))
    complains = there & ~people.corporate[:, None] & (rng.random(worst.shape) < chance)
    unhappy, quarter = np.nonzero(complains)
    text, theme = written(rng, people, unhappy, quarter, may_praise=False)
    complaint_id = numbered("Z", people.first * len(QUARTERS) + np.arange(len(unhappy)))
    received = STARTS[quarter] + rng.integers(0, 85, len(unhappy))
    complaints = pa.table(
        {
            "complaint_id": complaint_id,
            "customer_id": numbered("C", people.first + unhappy),
            "received_on": days(np.maximum(received, people.since[unhappy])),
            "text": pa.array(text, pa.string()),
        }
    )
    return complaints, pa.table({"text_id": complaint_id, "theme": pa.array(theme, pa.string())})
