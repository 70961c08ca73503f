"""What keeps the contract and will come to nothing all the same: zeros that no rule sees.

Every doubt is a sentence that names the column, how much of it, and what to look at.
"""

from collections.abc import Callable, Iterator, Mapping

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.contract import CONTRACT
from analysis.language import say, sentences
from analysis.sources.accepted import Verdict
from analysis.sources.params import Bank

Tables = Mapping[str, ir.Table]

#: From this share on, something is true of nearly all; below the other, of nearly none.
NEARLY_ALL, NEARLY_NONE = 0.99, 0.01
#: Transfers between customers that tell something, and of these booked on both sides.
ENOUGH_TRANSFERS, BOTH_SIDES = 20, 0.5


def doubts(bank: Bank, tables: Tables, verdicts: Mapping[str, Verdict]) -> list[str]:
    """The doubts about a bank's accepted rows, a sentence each.

    tables: the accepted rows by name, of the tables that are delivered.
    """
    checks: tuple[Callable[[Bank, Tables], Iterator[str]], ...] = (
        _signs,
        _one_branch,
        _nobody_owns,
        _nothing_followed,
        _one_side,
        _cards_without_account,
        _licensed,
    )
    found = [sentence for check in checks for sentence in check(bank, tables)]
    return [*found, *_columns_left_out(verdicts)]


def _signs(_bank: Bank, tables: Tables) -> Iterator[str]:
    amounts = _one_row(
        tables["transactions"].aggregate(
            rows=_.count(), out=(_.amount < 0).sum(), into=(_.amount > 0).sum()
        )
    )
    none = {
        "out": say("transactions.amount: none of {rows:,} is negative: no money goes out."),
        "into": say("transactions.amount: none of {rows:,} is positive: no money comes in."),
    }
    other = say(
        "Does another column say on which side of the account an entry stands "
        "(formats.debit_credit)?"
    )
    for name, told in none.items():
        if amounts["rows"] and not amounts[name]:
            yield sentences(told.format(rows=amounts["rows"]), other)


def _one_branch(_bank: Bank, tables: Tables) -> Iterator[str]:
    branches = tables["branches"].count().execute()
    most = tables["customers"].group_by("branch_id").aggregate(n=_.count())
    sizes = _one_row(most.aggregate(largest=_.n.max(), all=_.n.sum()))
    if branches > 1 and sizes["all"] and sizes["largest"] >= NEARLY_ALL * sizes["all"]:
        yield (
            say(
                "customers.branch_id: {largest:,} of {all:,} customers are of one of {branches} "
                "branches."
            ).format(largest=sizes["largest"], all=sizes["all"], branches=branches)
        )


def _nobody_owns(_bank: Bank, tables: Tables) -> Iterator[str]:
    if "account_holders" in tables:
        owners = tables["account_holders"].filter(_.role == "owner")
        customers = tables["customers"]
        of_all, without = (
            t.count().execute() for t in (customers, customers.anti_join(owners, "customer_id"))
        )
        if of_all and without >= NEARLY_ALL * of_all:
            yield say(
                "account_holders: {without:,} of {of_all:,} customers own no account."
            ).format(without=without, of_all=of_all)
    accounts = tables["accounts"]
    of_all = accounts.count().execute()
    idle = accounts.anti_join(tables["transactions"], "account_id").count().execute()
    if of_all and idle >= NEARLY_ALL * of_all:
        yield say("transactions.account_id: {idle:,} of {of_all:,} accounts have no entry.").format(
            idle=idle, of_all=of_all
        )


def _nothing_followed(_bank: Bank, tables: Tables) -> Iterator[str]:
    entries = tables["transactions"]
    given = "counterparty_account" in entries.columns
    named = _.counterparty_account.count() if given else ibis.literal(0)
    counts = _one_row(entries.aggregate(rows=_.count(), named=named))
    if counts["rows"] and not counts["named"]:
        yield (
            say(
                "transactions.counterparty_account: empty in all {rows:,} rows. No money can be "
                "followed from one account to another, and the investigations that need it find "
                "nothing."
            ).format(rows=counts["rows"])
        )


def _one_side(_bank: Bank, tables: Tables) -> Iterator[str]:
    entries = tables["transactions"]
    if "counterparty_account" not in entries.columns:
        return
    sent = entries.filter(_.amount < 0).semi_join(
        tables["accounts"].select(own="account_id"), [("counterparty_account", "own")]
    )
    received = entries.select(
        to="account_id", sent_by="counterparty_account", on=_.booked_at.date(), got=_.amount
    )
    matched = sent.mutate(day=_.booked_at.date(), paid=-_.amount).semi_join(
        received,
        [
            ("counterparty_account", "to"),
            ("account_id", "sent_by"),
            ("day", "on"),
            ("paid", "got"),
        ],
    )
    transfers, both = sent.count().execute(), matched.count().execute()
    if transfers >= ENOUGH_TRANSFERS and both < BOTH_SIDES * transfers:
        yield (
            say(
                "transactions: of {transfers:,} entries that pay another account of this bank "
                "{both:,} stand on that account too, on the same day with the payer's account. "
                "What is booked on one side only cannot be followed by the investigations."
            ).format(transfers=transfers, both=both)
        )


def _cards_without_account(_bank: Bank, tables: Tables) -> Iterator[str]:
    if not {"cards", "products"} <= tables.keys():
        return
    credit = tables["cards"].filter(_.kind == "credit")
    of_cards = tables["accounts"].semi_join(
        tables["products"].filter(_.kind == "card"), "product_id"
    )
    judged = credit.filter(_.credit_limit > 0).semi_join(of_cards, "account_id")
    all_credit, can_be = credit.count().execute(), judged.count().execute()
    if all_credit and not can_be:
        yield (
            say(
                "cards: none of {all_credit:,} credit cards can be judged: each needs a "
                "credit_limit, and an account of its own whose product is a card."
            ).format(all_credit=all_credit)
        )


def _licensed(bank: Bank, tables: Tables) -> Iterator[str]:
    entries = tables["transactions"]
    for account in bank.risk.fundraising.licensed:
        there = entries.filter(_.account_id == account).count().execute()
        if "counterparty_account" in entries.columns:
            there += entries.filter(_.counterparty_account == account).count().execute()
        if not there:
            yield say("risk.fundraising.licensed: no entry names the account {account!r}.").format(
                account=account
            )


def _columns_left_out(verdicts: Mapping[str, Verdict]) -> Iterator[str]:
    for verdict in verdicts.values():
        for rule, count in verdict.emptied.items():
            if verdict.accepted and count >= NEARLY_ALL * verdict.accepted:
                yield (
                    say(
                        "{table}.{column}: {count:,} of {accepted:,} values were left out "
                        "({rule}); what needs the column finds nothing."
                    ).format(
                        table=verdict.table,
                        column=rule.split(".")[0],
                        count=count,
                        accepted=verdict.accepted,
                        rule=rule,
                    )
                )


def _one_row(table: ir.Table) -> dict[str, int]:
    row = table.execute().iloc[0]
    return {str(name): int(value or 0) for name, value in row.fillna(0).items()}


def accepted_tables(con: ibis.BaseBackend, verdicts: Mapping[str, Verdict]) -> dict[str, ir.Table]:
    """The accepted rows as `land` left them in the engine when nothing was written."""
    return {name: con.table(f"accepted__{name}") for name in CONTRACT if verdicts[name].delivered}
