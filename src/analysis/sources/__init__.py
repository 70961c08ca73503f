"""The road in: params files, the bank's own tables, and the rows that keep the contract."""
