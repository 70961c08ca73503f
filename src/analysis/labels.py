"""What a column, a dimension or a reason is called for the reader, in the reader's language."""

from analysis.language import _


def label(name: str) -> str:
    """The reader's word for a column or code; the name itself, without underscores, where there is none."""
    known = {
        "customer_id": _("Customer"), "customer_type": _("Type"), "segment": _("Group"), "customers": _("Customers"), "share": _("Share"),
        "share_low": _("from"), "share_high": _("to"), "before": _("Last quarter"), "n": _("Count"), "balance_end": _("Balance"),
        "money_in": _("Money in"), "transactions": _("Entries"), "cash_share": _("Cash share"), "mobile_share": _("Mobile share"),
        "products_held": _("Products"), "recency_days": _("Days since last entry"), "tenure_years": _("Years with us"), "credit_grade": _("Credit grade"),
        "value": _("Value a quarter"), "value_a_year": _("Value a year"), "value_low": _("from"), "value_high": _("to"), "total": _("Group total"), "arrears": _("In arrears"),
        "arrears_low": _("from"), "arrears_high": _("to"), "was": _("Was"), "became": _("Is now"), "of": _("Of"), "product": _("Product"),
        "channel": _("Channel"), "service": _("Service"), "owner": _("Owner"), "groups": _("Groups"), "silhouette": _("Silhouette"),
        "lowest_jaccard": _("Lowest Jaccard"), "smallest": _("Smallest group"), "chosen": _("Chosen"), "feature": _("Feature"),
        "eta_squared": _("Between groups"), "dimension": _("Dimension"), "mean": _("Mean"), "low": _("from"), "high": _("to"),
        "index": _("Index"), "process": _("Process"), "campaign": _("Campaign"), "change": _("Change"), "n_before": _("Count before"),
        "p": _("p"), "p_corrected": _("p (corrected)"), "branch": _("Branch"), "branch_id": _("Branch"), "others": _("Other branches"), "difference": _("Difference"),
        "term": _("Term"), "estimate": _("Estimate"), "inflation": _("Variance inflation"), "points": _("Points of retention"),
        "certain": _("Certain"), "measure": _("Measure"), "log_transactions": _("Entries (log)"),
        "log_balance": _("Balance (log)"), "alert_id": _("Alert"), "severity": _("Severity"), "payer": _("Payer"), "borrowers": _("Borrowers"),
        "site": _("Site"), "branches": _("Branches"), "amount": _("Amount"), "first_on": _("First"), "last_on": _("Last"), "reasons": _("Reasons"),
        "action": _("What to do"), "assigned_to": _("Assigned to"), "seen_before": _("Seen last quarter"), "application_id": _("Application"),
        "borrower_id": _("Borrower"), "filed_on": _("Filed on"), "compound": _("Compound"), "developer": _("Developer"), "booked_at": _("Booked"),
        "instalment": _("Instalment"), "due_on": _("Due on"), "payer_account": _("Paying account"), "transaction_id": _("Transaction"),
        "min_borrowers": _("Borrowers needed"), "alerts": _("Alerts"), "held_applications": _("Applications held"),
        "personal": _("Personal"), "corporate": _("Corporate"), "one_payer_for_many": _("One payer for many"), "same_site": _("Same site"),
        "employed_by_developer": _("Employed by the developer"), "filed_together": _("Filed together"), "same_down_payment": _("Down payments by the payer"),
        "several_late": _("Several late"), "same_compound": _("Same compound"), "same_developer": _("Same developer"), "party_of_the_case": _("Party of the case"),
        "rows": _("Rows"), "left": _("Departures"), "largest_inflation": _("Largest variance inflation"), "auc_fit": _("AUC where fitted"),
        "converged": _("Converged"), 
        "held_out_quarter": _("Quarter held out"), 
        "pseudo_r2": _("Pseudo R²"), "r2": _("R²"), "breusch_pagan_p": _("Breusch–Pagan p"),
        "condition_number": _("Condition number"), "confirm at once and stop": _("Confirm at once and stop"), "Dormant": _("Dormant"),
        "hold until the alert is confirmed or cleared": _("Hold until the alert is confirmed or cleared"), "medium": _("medium"),
        "median": _("Median"), "reason": _("Reason"), "weight": _("Weight"), "missing": _("Empty"), "block": _("Block"), "gap": _("Gap statistic"),
        "gap_error": _("± (standard error)"), "bic": _("BIC"), "stability": _("Stability"), "rand": _("Rand, resampled"), "method": _("Method"),
        "without_group": _("In no group"), "agreement": _("Rand with ours"), "verdict": _("Verdict"), "large_enough": _("Large enough"),
        "jaccard": _("Jaccard"), "rule": _("Rule"), "right": _("Of the group"), "psi": _("Stability index"), "by_chance": _("By chance up to"), "drift": _("Drift"),
        "none": _("none"), "watch": _("watch"), "refit": _("fit again"), "unstable": _("unstable"), "doubtful": _("doubtful"), "stable": _("stable"), "highly stable": _("highly stable"),
        "loss_a_year": _("Expected loss a year"), "cost_today": _("Cost today"), "cost_plan": _("Cost to serve"),
        "saved": _("Saved"), "value_kept": _("Value kept"), "kept_low": _("at twice the loss"), "net": _("Net effect"), "break_even": _("Break-even loss"),
        "usual": _("Usual before"), "quarters": _("Quarters"), "cramers_v": _("Cramér's V"), "median_before": _("Median before"), "median_now": _("Median now"),
        "event": _("Event"), "per_1000": _("Per 1,000"), "outcome": _("Watched for"), "followed": _("Followed"), "base": _("Otherwise"), "lift": _("Lift"), "churn": _("leaving"), "purchase": _("buying"),
        "historic": _("Value so far"), "alive": _("Still a customer"), "expected": _("Expected value"), "expected_value": _("Expected value"),
        "predicted_active": _("Active quarters said"), "came_active": _("came"), "came_value": _("came"), "active_difference": _("Difference"), 
        "predicted_value": _("Value said"), "value_difference": _("Difference"), "assets_trend": _("Trend of the balance"), "credit_utilisation": _("Credit used"),
        "instalments_missed": _("Instalments missed"), "active_weeks": _("Active weeks"), "counterparties": _("Counterparties"), "evening_share": _("Evening share"),
        "month_start_share": _("Share in the first ten days"), "branch_share": _("Branch share"), "atm_share": _("Cash machine share"), "pos_share": _("Card share"),
        "online_share": _("Online share"), "phone_share": _("Phone share"), "transfer_share": _("Transfer share"), "region": _("Region"), "assets": _("Assets"), "credit": _("Credit"),
        "activity": _("Activity"), "habits": _("Habits"), "channels": _("Channels"), "New": _("New"), "Left": _("Left"), "Not grouped": _("Not grouped"),
        "k-means": _("k-means"), "gaussian mixture": _("Gaussian mixture"), "k-medoids": _("k-medoids"), "hdbscan": _("HDBSCAN"), "rfm": _("RFM quintiles"), "": "",
        "nps": _("Net promoter score"), "csat": _("Satisfied (%)"), "ces": _("Ease (1 to 10)"), "score": _("Score"),
        "source": _("What acts"), "target": _("On what"), "path": _("Path"), "satisfaction": _("Satisfaction"), "stated_loyalty": _("Stated loyalty"), "alpha": _("Cronbach's alpha"),
        "rho": _("Composite reliability"), "ave": _("Variance extracted"), "r_squared": _("R²"), "item": _("Item"), "loading": _("Loading"), "highest_cross": _("Highest cross-loading"),
        "lowest": _("At the lowest"), "highest": _("At the highest"),
        "previous_quarter": _("last quarter"), "year_ago": _("the same quarter last year"), "other_branches": _("the other branches"), "against": _("Against"), "size": _("Size"),
        "importance": _("Importance"), "centre": _("Centre"), "outside": _("Outside"), "driver": _("Dimension"), "best": _("Best branch"), "important": _("Important"), "weak": _("Weak"),
        "improvable": _("Improvable"), "quick_win": _("Quick win"), "retained": _("Retained"), "theme": _("Theme"), "complaints": _("Complaints"), "survey": _("questionnaire"), "complaint": _("complaint"),
        "said_in": _("Quarter"), "quotation": _("Quotation"), "language": _("Language"), "zh": _("Chinese"), "en": _("English"), "word": _("Word"), "coefficient": _("Coefficient"), "texts": _("Texts"),
        "themes": _("Themes"), "coherence": _("Coherence"), "auc": _("AUC"), "why": _("Remark"), "facts": _("Has or went through"), "feeling": _("Feels"), "support": _("Support"), "confidence": _("Confidence"),
        "unhappy": _("unhappy"), "happy": _("happy"), "corrected": _("Corrected"), "other": _("And"), "htmt": _("Ratio"), "distinct": _("Distinct"), "behaviour": _("Loyal behaviour"),
        "margin": _("By"), "category": _("Category"), "answered": _("Answered"), "rate": _("Rate"), "of_customers": _("Of the customers"), "of_answers": _("Of the answers"), "weighted": _("Weighted"),
        "effective": _("Effective"), "unweighted": _("Unweighted"), "age": _("Age"), "tenure": _("Years with us"), "unknown": _("unknown"), "model": _("Model"), "predictors": _("Predictors"),
        "aic": _("AIC"), "behaviour alone": _("Behaviour alone"), "result": _("Result"), "more": _("More"), "not_listed": _("Not on the list"), "behaviour and attitudes": _("Behaviour and attitudes"), "clustered_by": _("Errors clustered by"), "link_test_p": _("Link test p"), "branch_sd": _("Between branches (log odds)"),
        "between_branches": _("Share of variance between branches"), "largest_cook": _("Largest Cook's distance"), "hang_on_few": _("Terms that hang on few rows"), "reset_p": _("RESET p"), "brant_p": _("Brant p"),
        "dispersion": _("Dispersion beyond Poisson"), "dispersion_p": _("Dispersion p"), "longest": _("Longest followed (quarters)"), "schoenfeld_p": _("Schoenfeld p"), "left_out": _("Left out"),
        "constant": _("the same for all"), "collinear": _("follows from the others"), "separates": _("tells every case"), "lowest_cut": _("Beyond the lowest answers"), "highest_cut": _("Beyond the highest but one"),
        "held_out_auc": _("AUC, held out"), "held_out_brier": _("Brier score, held out"), "held_out_brier_base": _("Brier score of the mean"),
        "held_out_events": _("Departures, held out"), "held_out_n": _("Rows, held out"), "held_out_predicted": _("Left, told, held out"), "held_out_observed": _("Left, observed, held out"), "held_out_slope": _("Calibration slope"),
        "held_out_intercept": _("Calibration intercept"), "quarter": _("Quarter"), "has_mortgage": _("Has a mortgage"), "ratio": _("Hazard ratio"),
        "listed": _("On the list"), "at_risk": _("Active customers"), "would_leave": _("Would leave"), "of_departures": _("Of all expected to leave"), "expected_saving": _("Expected saving"), "who": _("Who"), "said": _("Told"),
        "events": _("Departures"), "predicted": _("Told"), "observed": _("Came"), "brier": _("Brier score"), "brier_base": _("Brier, mean alone"), "slope": _("Slope"), "tenth": _("Tenth"), "odds_ratio": _("Odds ratio"),
        "first": _("Weighs most"), "second": _("Weighs second"), "felt": _("Index of the own answers"), "complained": _("Complained"), "contacted": _("Contacted in a campaign"),
        "transactions_change": _("Change of entries"), "balance_change": _("Change of the balance"), "new_outside_paid": _("Paid to new accounts elsewhere"), "salary_months": _("Months with a salary"), "channels_used": _("Channels used"),
        "age_years": _("Age"), "debt": _("Debt"), "income": _("Income"), "shortfall": _("Below the median"), "current_account": _("current account"), "savings": _("savings"), "card": _("card"), "mortgage": _("mortgage"), "consumer_loan": _("consumer loan"), "wealth": _("wealth product"),
        "insurance": _("insurance"), "deposit": _("deposit"), "business_loan": _("business loan"), "payment": _("payment service"),
        "set_aside": _("Set aside"), "table": _("Table"), "newest": _("Newest"), "late": _("Late"), "loan_id": _("Loan"),
    }  # fmt: skip
    if name in known:
        return known[name]
    for prefix, text in {"has_": _("Holds: {what}"), "event_": _("Event: {what}"), "low_": _("low on {what}")}.items():
        if name.startswith(prefix):
            return text.format(what=label(name.removeprefix(prefix)).lower())
    return name.replace("_", " ")


def severity(name: str) -> str:
    """The reader's word for a severity."""
    return {"high": _("high"), "medium": _("medium")}.get(name, name)


def words(codes: str) -> str:
    """Codes separated by blanks, in the reader's words."""
    return "; ".join(label(c) for c in codes.split(" ") if c)
