"""A finding has the columns that its name says, of the types it says."""

import pandas as pd
import pytest

from analysis.campaigns import findings as campaigns
from analysis.changes import findings as changes
from analysis.changes import worth
from analysis.data_health import costs
from analysis.data_health import findings as data_health
from analysis.execution import findings as execution
from analysis.identification import findings as identification
from analysis.loyalty import drivers, measurement, regression_tables
from analysis.loyalty import findings as loyalty
from analysis.opportunities import findings as offers
from analysis.opportunities import potential
from analysis.quarters import Quarter
from analysis.retention import findings as retention
from analysis.segmentation import evidence
from analysis.segmentation import findings as segmentation
from analysis.sources.params import read_params
from analysis.tables import Tables
from analysis.voice import findings as voice

Q, BEFORE = "2024Q4", "2024Q3"
KINDS = {
    "str": pd.api.types.is_string_dtype,
    "int": pd.api.types.is_integer_dtype,
    "float": pd.api.types.is_numeric_dtype,
    "bool": pd.api.types.is_bool_dtype,
    "boolean": pd.api.types.is_bool_dtype,
    "any": lambda column: True,
}


def of_groups(p, bank):
    people, model = p.customers, p.segmentation
    values = segmentation.value_and_risk(people, bank.value, 10)
    expected = worth.value_by_group(p.expected_values, people, 10)
    plans = segmentation.plans(model, bank.value, expected)
    yield segmentation.GROUP_SIZES, segmentation.group_sizes(p.segment_counts, Q, BEFORE, 10)
    yield segmentation.PROFILES, segmentation.group_profiles(people, 10)
    yield segmentation.VALUE_AND_RISK, values
    yield segmentation.PLANS, plans
    yield evidence.RULES, evidence.rules(model, "personal")
    yield evidence.GROUPS_TODAY, evidence.groups_today(p.drift)
    yield segmentation.PLAN_EFFECTS, segmentation.plan_effects(values, plans, bank.value)
    yield (
        segmentation.CUSTOMER_LIST,
        segmentation.customer_list(people, p.previous_customers, plans),
    )
    yield evidence.FEATURES_USED, evidence.features_used(model, "personal")
    yield evidence.NUMBERS_TRIED, evidence.number_of_groups(model)
    yield evidence.METHODS_COMPARED, evidence.methods_compared(model, "personal")
    yield evidence.GROUP_QUALITY, evidence.group_quality(model)
    yield evidence.DRIFT, evidence.drift_by_feature(p.drift)
    yield worth.VALUE_BY_GROUP, expected
    yield worth.VALUE_CALIBRATION, worth.value_calibration(p.value_model)


def of_changes(p, bank):
    now, before, model = p.customers, p.previous_customers, p.segmentation
    rates = changes.event_rates(p.event_counts, len(now), len(before), Q, BEFORE, bank.events, 10)
    yield changes.MIGRATION, changes.migration(p.moves, Q, 10)
    yield changes.AGAINST_BEFORE, changes.against_before(p.moves, Q, 10)
    yield (
        changes.WHY_MOVED,
        changes.why_moved(before, now, model, changes.migration(p.moves, Q, 10), 10),
    )
    yield changes.MOVED, changes.moved_list(before, now, model)
    yield changes.EVENT_RATES, rates
    yield (
        changes.EVENTS_TO_ACT_ON,
        changes.event_list(
            p.events,
            now,
            p.expected_values,
            bank.events,
            changes.backtest(p.outcomes, bank.events, p.announcements),
            bank.retention,
        ),
    )
    yield changes.RULES, changes.rules(bank.events)
    yield changes.BACKTEST, changes.backtest(p.outcomes, bank.events, p.announcements)


def of_loyalty(p, bank):
    scores, actions = p.index_scores, bank.loyalty.actions
    earlier = loyalty.earlier_quarters(p.quarter)
    importance = drivers.importance_of(p.drivers, p.index_model)
    stated, recommend = p.regressions.stated, p.regressions.recommend
    yield loyalty.INDEX_TABLE, loyalty.index_table(scores, 10)
    yield loyalty.CHANGES, loyalty.changes(scores, "ALL", Q, earlier, 10)
    yield loyalty.AGAINST_OTHERS, loyalty.against_others(scores, "ALL", Q, 10)
    yield (
        loyalty.WEAKNESSES,
        loyalty.weaknesses(scores, "ALL", Q, earlier, importance, actions, 10),
    )
    yield loyalty.CONTROL_CHART, loyalty.control(scores, "ALL", Q, 10)
    yield (
        loyalty.MANAGEMENT_SCORES,
        loyalty.management_scores(p.management_counts, Q, BEFORE, 10),
    )
    yield loyalty.WEIGHTS, loyalty.weights_table(p.index_model)
    yield measurement.PATHS, measurement.paths(p.path_model.model)
    yield measurement.BLOCKS, measurement.measurement(p.path_model.model)
    yield measurement.DISTINCT, measurement.distinct(p.path_model.model)
    yield measurement.ITEM_QUALITY, measurement.item_quality(p.path_model.model)
    yield measurement.WITH_AND_WITHOUT, measurement.with_and_without(scores, "ALL", Q, 10)
    yield regression_tables.DIAGNOSTICS, regression_tables.diagnostics(stated)
    yield measurement.WHO_ANSWERED, measurement.who_answered(p.response, 10)
    yield drivers.DRIVERS, drivers.driver_table(p.drivers)
    yield drivers.PERFORMANCE, drivers.performance(scores, p.drivers, "B003", Q, actions, 10)
    yield (
        drivers.SIMULATED,
        drivers.simulated(scores, p.regressions.retention, p.active_by_branch, "ALL", Q, 10),
    )
    yield regression_tables.NESTED, regression_tables.nested_table(stated)
    yield regression_tables.PROPORTIONAL_ODDS, regression_tables.proportional_odds(recommend)


def of_texts_and_leaving(p, bank):
    listed = retention.save_list(p.churn, p.customers, p.expected_values, bank.retention)
    before = retention.save_list(
        p.previous_churn, p.previous_customers, p.previous_expected_values, bank.retention
    )
    yield voice.THEMES_BY_QUARTER, voice.theme_table(p.comments, Q, 10)
    yield voice.THEMES_NOW, voice.themes_now(p.comments, Q, 10)
    yield voice.TELLING_WORDS, voice.telling_words(p.texts, 10)
    yield voice.TEXT_QUALITY, voice.text_quality(p.texts)
    yield voice.QUOTATIONS, voice.quotations(p.comments, Q)
    yield voice.RULES, voice.rule_table(p.associations)
    yield retention.DEPARTED, retention.departure_table(p.departures, "B001", 10)
    yield retention.JUDGED, retention.judged_table(p.hazard)
    yield retention.TENTHS, retention.tenths(p.hazard)
    yield retention.WHAT_COUNTS, retention.what_counts(p.hazard, p.bank.events)
    yield retention.SAVE_LIST, listed
    yield retention.LIST_SUMMARY, retention.list_summary(listed, p.churn, bank.retention, 10)
    yield retention.REASONS, retention.reasons(listed, "B001", 3, bank.events)
    yield retention.LIST_SCORED, retention.list_scored(before, p.previous_churn, p.left, "ALL", 10)


def of_campaigns(p, bank):
    yield campaigns.RESPONSES, campaigns.responses(p.campaigns)
    yield campaigns.OTHERS, campaigns.other_outcomes(p.campaigns)
    yield campaigns.BY_GROUP, campaigns.by_group(p.campaigns)
    yield campaigns.RETURNS, campaigns.returns(p.campaigns)
    yield campaigns.RANKINGS, campaigns.rankings(p.campaigns)
    yield campaigns.DESIGNS, campaigns.designs(p.campaigns)
    yield campaigns.OBSERVED, campaigns.observed_ones(p.campaigns)


def of_offers(p, bank):
    names, settings, figures = p.products, bank.offers, p.offers_in_figures
    counts = {Q: len(p.customers), BEFORE: len(p.previous_customers)}
    branch = Tables(bank, "B001", Quarter.parse(Q))
    yield offers.HOLDERS, offers.holders_table(p.holders, counts, Q, BEFORE, names, 10)
    yield offers.DEPTH, offers.depth_by_group(p.customers, 10)
    yield offers.DEPTH_BY_TENURE, offers.depth_by_tenure(p.customers, 10)
    yield offers.LIST_SUMMARY, offers.list_summary(p.offers, 10)
    yield offers.LEADS, offers.leads(p.offers, p.customers, names, settings, bank.events)
    yield offers.CONSIDERED, offers.considered(branch.offers, names)
    yield offers.EXCLUDED, offers.excluded(figures, names, 10)
    yield offers.ASSIGNED, offers.assigned(figures, 10)
    plans = {kind: part.groups for kind, part in p.segmentation.types.items()}
    offered = [o.product for o in settings.products]
    yield offers.PLANS, offers.plans_and_offers(p.offers, p.customers, plans, names, offered, 10)
    yield offers.JUDGED, offers.judged(p.propensity, names)
    yield offers.COMPARED, offers.compared(p.propensity)
    yield offers.WHAT_COUNTS, offers.what_counts(p.propensity, names, bank.events)
    yield offers.PATHS, offers.paths(p.patterns, names)
    yield offers.BUNDLES, offers.bundles(p.patterns, names)
    yield potential.LOOKALIKES, potential.lookalikes(branch.lookalikes, branch.customers, names)
    yield potential.TOLD, potential.told(p.likeness, names, 10)
    yield potential.NEEDS, potential.needs(p.unmet_needs, names, 10)


def of_execution(p, bank):
    told, end = p.follow_through, Quarter.parse(Q).end
    yield execution.FUNNEL, execution.funnel(p.work_counts, set(), 10)
    yield execution.OF_STAFF, execution.compared(told.staff, "in_time", "ALL")
    yield execution.UNTOUCHED, execution.untouched(p.work, p.products, {}, end)
    funnel = execution.funnel(p.work_counts, set(), 10)
    yield execution.FORECAST, execution.forecast(p.handed_now, funnel, told.kinds)
    yield execution.OFFERS_ADDED, execution.offers_added(told.added, 10)
    yield execution.NOT_COUNTED, execution.not_counted(told)
    branch = Tables(bank, "B001", Quarter.parse(Q))
    yield execution.SET_ASIDE, execution.set_aside(branch.set_aside, "B001")
    yield execution.CHANCES_TOLD, execution.chances_told(told.kinds, set(), 10)


def of_identification(p, bank):
    records = p.identity_records
    yield identification.MERGED_RECORDS, identification.merged(records)
    yield identification.REVIEWS, identification.to_review(records)
    yield identification.EVIDENCE, identification.evidence(p.identity_model)
    yield identification.COMPARED, identification.compared(p.identified)


def of_data_health(p, bank):
    yield data_health.CHECKED, data_health.checked(p.data_checks, Q, p.effects, 10)
    yield data_health.EVERY_CHECK, data_health.every_check(p.data_checks, Q, 10)
    yield data_health.BY_ASPECT, data_health.by_aspect(p.data_checks)
    yield data_health.EFFECTS, data_health.without_doubts(p.effects, 10)
    yield data_health.UNUSUAL_DAYS, data_health.unusual_days(p.unusual_days)
    yield data_health.FIX_LIST, data_health.fix_list(p.data_doubts, p.data_cells)
    yield data_health.WRITTEN, data_health.written(p.written, 10)
    yield data_health.QUARANTINE, data_health.quarantine(p.rules_broken())
    read, tiers = p.stood_on(), bank.data_health.tiers
    parts = costs.parts(p.kept, read, tiers, p.quarter, 10, p.tables_withheld)
    yield costs.KEPT_FILES, p.kept
    yield costs.KEPT, costs.kept(p.kept, read, 10, p.tables_withheld)
    yield costs.PARTS, parts
    yield costs.TIERS, costs.by_tier(parts, tiers)
    yield costs.WAYS_COMPARED, costs.ways(p.footprint)


@pytest.mark.parametrize(
    "subject",
    [
        of_groups,
        of_changes,
        of_loyalty,
        of_texts_and_leaving,
        of_campaigns,
        of_offers,
        of_execution,
        of_identification,
        of_data_health,
    ],
)
def test_a_table_has_the_columns_it_is_said_to_have(subject, ready_demo):
    bank = read_params(ready_demo)
    for columns, rows in subject(Tables(bank, "ALL", Quarter.parse(Q)), bank):
        assert list(rows) == list(columns) and len(rows), list(columns)
        for name, kind in columns.items():
            assert KINDS[kind](rows[name]), (name, kind, rows[name].dtype)
